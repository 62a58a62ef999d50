"""Payment processors: what their events carry, how objects are joined to accounts, incidents"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

_now = sa.text('now()')
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column('event', sa.Column('carried', postgresql.JSONB(), server_default='[]', nullable=False))
    for column in (
        sa.Column('refs', postgresql.ARRAY(sa.Text()), server_default='{}', nullable=False),
        sa.Column('link', sa.Text(), nullable=True),
        sa.Column('first_seen_at', _time, server_default=_now, nullable=False),
        sa.Column('happened_at', _time, nullable=True),
        sa.Column('ask_at', _time, nullable=True),
        sa.Column('asks', sa.SmallInteger(), server_default='0', nullable=False),
    ):
        op.add_column('snapshot', column)
    op.execute(
        "UPDATE snapshot SET refs = ARRAY['reference:' || (data->>'gateway_reference')] "
        "WHERE object = 'payment' AND length(data->>'gateway_reference') BETWEEN 1 AND 255"
    )
    op.execute(
        "UPDATE snapshot SET refs = ARRAY['invoice:' || (data->>'number')] "
        "WHERE object = 'invoice' AND length(data->>'number') BETWEEN 1 AND 255"
    )
    op.execute(
        "UPDATE snapshot SET refs = refs || ('invoice:' || right(data->>'number', 20)) "
        "WHERE object = 'invoice' AND length(data->>'number') BETWEEN 21 AND 255"
    )
    op.execute(
        "UPDATE snapshot SET happened_at = CAST(data->>'created_at' AS timestamptz) WHERE object = 'payment'"
    )
    op.create_index('snapshot_refs', 'snapshot', ['refs'], postgresql_using='gin')
    op.create_index(
        'snapshot_waiting', 'snapshot', ['source', 'object', 'id'], postgresql_where=sa.text("link = ''")
    )
    op.create_index(
        'snapshot_ask', 'snapshot', ['ask_at'], postgresql_where=sa.text('ask_at IS NOT NULL')
    )
    op.create_index(
        'snapshot_happened',
        'snapshot',
        ['happened_at'],
        postgresql_where=sa.text('happened_at IS NOT NULL'),
    )
    op.create_table(
        'observation',
        sa.Column('source', sa.Text(), nullable=False),
        sa.Column('object', sa.Text(), nullable=False),
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('told_by', sa.Text(), nullable=False),
        sa.Column('data', postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint('source', 'object', 'id', 'told_by'),
    )
    op.create_table(
        'incident',
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('source', sa.Text(), nullable=False),
        sa.Column('site', sa.Text(), nullable=False),
        sa.Column('gateway', sa.Text(), nullable=False),
        sa.Column('started_at', _time, nullable=False),
        sa.Column('last_failure_at', _time, nullable=False),
        sa.Column('ended_at', _time, nullable=True),
        sa.Column('accounts', sa.Integer(), nullable=False),
        sa.Column('failed', sa.Integer(), nullable=False),
        sa.Column('succeeded', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('id'),
    )
    op.create_index('incident_site', 'incident', ['source', 'site', 'started_at'])


def downgrade() -> None:
    op.drop_table('incident')
    op.drop_table('observation')
    for index in ('snapshot_happened', 'snapshot_ask', 'snapshot_waiting', 'snapshot_refs'):
        op.drop_index(index, table_name='snapshot')
    for column in ('asks', 'ask_at', 'happened_at', 'first_seen_at', 'link', 'refs'):
        op.drop_column('snapshot', column)
    op.drop_column('event', 'carried')
