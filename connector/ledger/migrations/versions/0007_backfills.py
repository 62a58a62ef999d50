"""Who went on with a run, and why; what a backfill could not read or decide"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

_now = sa.text('now()')
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'run_go',
        sa.Column('id', sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column('run_id', sa.BigInteger(), nullable=False),
        sa.Column('who', sa.Text(), nullable=False),
        sa.Column('reason', sa.Text(), server_default='', nullable=False),
        sa.Column('writes', sa.Boolean(), nullable=False),
        sa.Column('began_at', _time, server_default=_now, nullable=False),
        sa.ForeignKeyConstraint(['run_id'], ['run.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_index('run_go_run', 'run_go', ['run_id', 'id'])
    op.add_column('attempt', sa.Column('go_id', sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        # none has one yet, so there is nothing to look through
        'attempt_go', 'attempt', 'run_go', ['go_id'], ['id'], ondelete='SET NULL', postgresql_not_valid=True
    )
    op.create_table(
        'backfill_trouble',
        sa.Column('run_id', sa.BigInteger(), nullable=False),
        sa.Column('object', sa.Text(), nullable=False),
        sa.Column('ref', sa.Text(), nullable=False),
        sa.Column('subject', sa.Text(), nullable=True),
        sa.Column('code', sa.Text(), nullable=False),
        sa.Column('error', sa.Text(), nullable=False),
        sa.Column('found_at', _time, server_default=_now, nullable=False),
        sa.ForeignKeyConstraint(['run_id'], ['run.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('run_id', 'object', 'ref', 'code'),
    )
    op.create_index('backfill_trouble_subject', 'backfill_trouble', ['run_id', 'subject'])


def downgrade() -> None:
    op.drop_table('backfill_trouble')
    op.drop_constraint('attempt_go', 'attempt')
    op.drop_column('attempt', 'go_id')
    op.drop_table('run_go')
