"""The content first in the index that tells a replay: no look-up by content can choose another index"""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create('content', 'source', 'site', 'signed_at')


def downgrade() -> None:
    _create('source', 'site', 'content', 'signed_at')


def _create(*columns: str) -> None:
    op.drop_index('event_signed_content', 'event')
    op.create_index(
        'event_signed_content',
        'event',
        columns,
        unique=True,
        postgresql_where=sa.text('signed_at IS NOT NULL'),
    )
