"""Real orgs: which CRM record an account is, how far the CRM was watched, what its API may still be asked"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

_now = sa.text('now()')
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'link',
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('account_id', sa.Text(), nullable=True),
        sa.Column('contact_id', sa.Text(), nullable=True),
        sa.Column('person', sa.Boolean(), server_default=sa.text('false'), nullable=False),
        sa.Column('how', sa.Text(), server_default='', nullable=False),
        sa.Column('candidates', postgresql.JSONB(), server_default='[]', nullable=False),
        sa.Column('since', _time, server_default=_now, nullable=False),
        sa.PrimaryKeyConstraint('subject'),
    )
    op.create_index('link_account', 'link', ['account_id'], unique=True)
    op.create_index(
        'link_held', 'link', ['subject'], postgresql_where=sa.text("state IN ('review', 'waiting')")
    )
    op.execute(
        "INSERT INTO link (subject, state, account_id, contact_id, how) "
        "SELECT a.subject, 'linked', a.salesforce_id, c.salesforce_id, 'written before links were kept' "
        "FROM mirror a LEFT JOIN mirror c ON c.subject = a.subject AND c.object = 'Contact' "
        "WHERE a.object = 'Account' AND a.key = a.subject AND a.salesforce_id <> '' ON CONFLICT DO NOTHING"
    )
    op.create_table(
        'watermark',
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('at', _time, nullable=False),
        sa.PrimaryKeyConstraint('name'),
    )
    op.create_table(
        'budget',
        sa.Column('destination', sa.Text(), nullable=False),
        sa.Column('used', sa.BigInteger(), nullable=False),
        sa.Column('allowed', sa.BigInteger(), nullable=False),
        sa.Column('told_at', _time, nullable=False),
        sa.PrimaryKeyConstraint('destination'),
    )


def downgrade() -> None:
    op.drop_table('budget')
    op.drop_table('watermark')
    op.drop_table('link')
