"""Restore: what a point-in-time recovery brought back, under a name of its own, is put into the table of a stack."""

from dataclasses import dataclass

from arrears.adapters.aws import Item, translated
from arrears.adapters.table import Table, account_pk
from arrears.errors import PermanentSetupError


@dataclass(frozen=True)
class Restore:
    """Copies items as they are, from the restored table into the stack's own."""

    source: Table
    target: Table

    def account(self, account_id: str) -> int:
        """Put an account back as it was: what came since goes, and with it the events that would break the chain.

        No generation goes back: an execution's name is blocked for 90 days, and a scan would start nothing by it. May
        be run again where it broke off.

        Returns:
            how many items it has now.

        Raises:
            PermanentSetupError: the restored table does not have it.
        """
        pk = account_pk(account_id)
        wanted, present = list(self.source.query(pk)), list(self.target.query(pk))
        if not wanted:
            raise PermanentSetupError(f"{self.source.name} has no account {account_id}")
        known = {item["sk"]["S"] for item in wanted}
        used = [int(item["generation"]["N"]) for item in (*wanted, *present) if "generation" in item]
        for item in present:
            if item["sk"]["S"] not in known:
                with translated("dynamodb:DeleteItem"):
                    self.target.client.delete_item(
                        TableName=self.target.name, Key={name: item[name] for name in ("pk", "sk")}
                    )
        for item in wanted:
            self._put(item | {"generation": {"N": str(max(used))}} if "generation" in item else item)
        return len(wanted)

    def everything(self) -> int:
        """Copy the whole table into that of a stack that has no case.

        Returns:
            how many items were copied.

        Raises:
            PermanentSetupError: the stack has cases.
        """
        if any(True for _ in self.target.with_cases()):
            raise PermanentSetupError(f"{self.target.name} has cases: the whole is restored into a stack that has none")
        count = 0
        for item in self.source.scan():
            self._put(item)
            count += 1
        return count

    def _put(self, item: Item) -> None:
        with translated("dynamodb:PutItem"):
            self.target.client.put_item(TableName=self.target.name, Item=item)
