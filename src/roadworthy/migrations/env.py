"""Alembic's environment: run by `roadworthy.state` on the connection and transaction that it gives."""

from alembic import context

from roadworthy.state.schema import METADATA, REVISION_TABLE


def run() -> None:
    """Run the migrations that Alembic chose."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=METADATA,
        version_table=REVISION_TABLE,
    )
    context.run_migrations()


if __name__ == "env_py":  # Alembic's name for this file; whoever else imports it has no migration to run
    run()
