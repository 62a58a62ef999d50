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
    op.add_column('snapshot', sa.Column('learnt_at', _time, nullable=True))
    op.add_column('event', sa.Column('run_id', sa.BigInteger(), nullable=True))
    op.add_column('subject', sa.Column('run_id', sa.BigInteger(), nullable=True))
    op.add_column(
        'event',
        sa.Column('earlier', postgresql.ARRAY(sa.BigInteger()), server_default='{}', nullable=False),
    )
    op.create_table(
        'missed',
        sa.Column('id', sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column('source', sa.Text(), nullable=False),
        sa.Column('site', sa.Text(), nullable=False),
        sa.Column('object', sa.Text(), nullable=False),
        sa.Column('object_id', sa.Text(), nullable=False),
        sa.Column('version', _time, nullable=True),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('found_at', _time, server_default=_now, nullable=False),
        sa.Column('run_id', sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(['run_id'], ['run.id'], ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_index('missed_found', 'missed', ['found_at'])
    op.create_index('missed_run', 'missed', ['run_id'])
    op.create_table(
        'heard',
        sa.Column('source', sa.Text(), nullable=False),
        sa.Column('site', sa.Text(), nullable=False),
        sa.Column('at', _time, nullable=False),
        sa.Column('events', sa.Integer(), nullable=False),
        sa.Column('last_at', _time, nullable=False),
        sa.PrimaryKeyConstraint('source', 'site', 'at'),
    )
    op.create_index('heard_at', 'heard', ['at'])
    op.create_table(
        'silence',
        sa.Column('source', sa.Text(), nullable=False),
        sa.Column('site', sa.Text(), nullable=False),
        sa.Column('since', _time, nullable=False),
        sa.Column('noticed_at', _time, server_default=_now, nullable=False),
        sa.Column('ended_at', _time, nullable=True),
        sa.PrimaryKeyConstraint('source', 'site', 'since'),
    )
    op.create_index(
        'silence_lasts', 'silence', ['source', 'site'], unique=True,
        postgresql_where=sa.text('ended_at IS NULL'),
    )
    op.create_table(
        'discrepancy',
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('difference', sa.Text(), nullable=False),
        sa.Column('site', sa.Text(), nullable=False),
        sa.Column('processor', sa.Text(), nullable=False),
        sa.Column('movement', sa.Text(), nullable=False),
        sa.Column('reference', sa.Text(), nullable=False),
        sa.Column('account', sa.Text(), nullable=True),
        sa.Column('at', _time, nullable=False),
        sa.Column('amount', sa.Numeric(), nullable=True),
        sa.Column('currency', sa.Text(), nullable=True),
        sa.Column('sides', postgresql.JSONB(), nullable=False),
        sa.Column('link', sa.Text(), nullable=True),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('why', sa.Text(), server_default='', nullable=False),
        sa.Column('first_seen_at', _time, server_default=_now, nullable=False),
        sa.Column('last_seen_at', _time, server_default=_now, nullable=False),
        sa.Column('opened_at', _time, nullable=True),
        sa.Column('cleared_at', _time, nullable=True),
        sa.Column('run_id', sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint('key'),
    )
    op.create_index('discrepancy_subject', 'discrepancy', ['subject', 'state'])
    op.create_index(
        'discrepancy_unsettled', 'discrepancy', ['at'], postgresql_where=sa.text("state <> 'cleared'")
    )


def downgrade() -> None:
    op.drop_table('discrepancy')
    op.drop_table('silence')
    op.drop_table('heard')
    op.drop_table('missed')
    op.drop_column('event', 'earlier')
    op.drop_column('event', 'run_id')
    op.drop_column('subject', 'run_id')
    op.drop_index('attempt_run_id', table_name='attempt')
    op.drop_constraint('attempt_run', 'attempt')
    op.drop_column('attempt', 'run_id')
    op.drop_table('backfill_account')
    op.drop_table('run')
