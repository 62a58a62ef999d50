"""What admins do: runs, which attempts and events are theirs, and which accounts a backfill has found"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

_now = sa.text('now()')
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'run',
        sa.Column('id', sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column('command', sa.Text(), nullable=False),
        sa.Column('who', sa.Text(), nullable=False),
        sa.Column('reason', sa.Text(), server_default='', nullable=False),
        sa.Column('options', postgresql.JSONB(), server_default='{}', nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('progress', postgresql.JSONB(), server_default='{}', nullable=False),
        sa.Column('error', sa.Text(), server_default='', nullable=False),
        sa.Column('started_at', _time, server_default=_now, nullable=False),
        sa.Column('touched_at', _time, server_default=_now, nullable=False),
        sa.Column('ended_at', _time, nullable=True),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_index('run_command', 'run', ['command', 'id'])
    op.create_table(
        'backfill_account',
        sa.Column('run_id', sa.BigInteger(), nullable=False),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['run_id'], ['run.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('run_id', 'subject'),
    )
    op.add_column('attempt', sa.Column('run_id', sa.BigInteger(), nullable=True))
    op.create_foreign_key('attempt_run', 'attempt', 'run', ['run_id'], ['id'], ondelete='SET NULL')
    op.create_index(
        'attempt_run_id', 'attempt', ['run_id', 'id'], postgresql_where=sa.text('run_id IS NOT NULL')
    )
    op.add_column('event', sa.Column('run_id', sa.BigInteger(), nullable=True))
    op.add_column('subject', sa.Column('run_id', sa.BigInteger(), nullable=True))
    op.add_column(
        'event',
        sa.Column('earlier', postgresql.ARRAY(sa.BigInteger()), server_default='{}', nullable=False),
    )


def downgrade() -> None:
    op.drop_column('event', 'earlier')
    op.drop_column('event', 'run_id')
    op.drop_column('subject', 'run_id')
    op.drop_index('attempt_run_id', table_name='attempt')
    op.drop_constraint('attempt_run', 'attempt')
    op.drop_column('attempt', 'run_id')
    op.drop_table('backfill_account')
    op.drop_table('run')
