"""Keys by which processor objects are matched again, in slices; indexes that do not grow with what waits"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

_C = sa.Text(collation='C')


def upgrade() -> None:
    op.create_table(
        'match_key',
        sa.Column('key', _C, nullable=False),
        sa.Column('place', _C, nullable=False),
        sa.Column('source', sa.Text(), nullable=False),
        sa.Column('object', sa.Text(), nullable=False),
        sa.Column('id', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('key', 'place'),
    )
    op.create_table(
        'match_task',
        sa.Column('key', _C, nullable=False),
        sa.Column('generation', sa.BigInteger(), server_default='1', nullable=False),
        sa.Column('place', _C, server_default='', nullable=False),
        sa.Column('ready_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
        sa.PrimaryKeyConstraint('key'),
    )
    op.execute(
        "INSERT INTO match_key (key, place, source, object, id) "
        "SELECT key, CASE object WHEN 'charge' THEN '2' WHEN 'mandate' THEN '1' ELSE '0' END "
        "|| ':' || source || ':' || object || ':' || id, source, object, id "
        "FROM snapshot CROSS JOIN LATERAL "
        "unnest(refs || ('object:' || source || ':' || object || ':' || id)) AS key "
        "WHERE link IS NOT NULL AND link <> 'payee' AND NOT starts_with(link, 'gateway reference ') "
        'ON CONFLICT DO NOTHING'
    )
    op.create_index('match_key_object', 'match_key', ['source', 'object', 'id'])
    op.create_index('match_task_ready', 'match_task', ['ready_at'])
    op.drop_index('snapshot_refs', 'snapshot')
    for name, where in (
        ('snapshot_billing_refs', 'link IS NULL'),
        ('snapshot_charge_refs', "object = 'charge'"),
    ):
        op.create_index(
            name,
            'snapshot',
            ['refs'],
            postgresql_using='gin',
            # a list of pending entries would be read whole by every look-up
            postgresql_with={'fastupdate': 'off'},
            postgresql_where=sa.text(where),
        )
    op.create_index(
        'snapshot_customer',
        'snapshot',
        ['source', sa.text("left(data->>'customer', 255)"), 'subject', 'id'],
        postgresql_where=sa.text("link > '' AND link <> 'payee' AND NOT starts_with(link, 'customer ')"),
    )
    op.create_index(
        'snapshot_invoice_payments',
        'snapshot',
        ['source', 'site', sa.text("(data->>'invoice_id')")],
        postgresql_where=sa.text("object = 'payment'"),
    )
    op.create_index(
        'mirror_moved_case',
        'mirror',
        [sa.text("(fields->>'Billing_Account_Key__c')")],
        postgresql_where=sa.text("object = 'Case' AND fields->>'Billing_Account_Key__c' <> subject"),
    )


def downgrade() -> None:
    op.drop_index('mirror_moved_case', 'mirror')
    op.drop_index('snapshot_invoice_payments', 'snapshot')
    op.drop_index('snapshot_customer', 'snapshot')
    op.drop_index('snapshot_charge_refs', 'snapshot')
    op.drop_index('snapshot_billing_refs', 'snapshot')
    op.create_index('snapshot_refs', 'snapshot', ['refs'], postgresql_using='gin')
    op.drop_table('match_task')
    op.drop_table('match_key')
