"""Tell a replay from a new event: the content and the signed time of an event, and PayPal's transmissions"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        'event', sa.Column('content', sa.LargeBinary(), server_default=sa.text("''::bytea"), nullable=False)
    )
    op.add_column('event', sa.Column('signed_at', sa.DateTime(timezone=True)))
    op.create_index(
        'event_signed_content',
        'event',
        ['source', 'site', 'content', 'signed_at'],
        unique=True,
        postgresql_where=sa.text('signed_at IS NOT NULL'),
    )
    op.create_table(
        'transmission',
        sa.Column('source', sa.Text(), nullable=False),
        sa.Column('site', sa.Text(), nullable=False),
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=False),
        sa.Column('seen_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.PrimaryKeyConstraint('source', 'site', 'id'),
    )
    op.create_index('transmission_seen', 'transmission', ['seen_at'])


def downgrade() -> None:
    op.drop_table('transmission')
    op.drop_index('event_signed_content', 'event')
    op.drop_column('event', 'signed_at')
    op.drop_column('event', 'content')
