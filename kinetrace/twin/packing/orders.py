"""Orders to pack, where they stand, and what the rules of the place ask for next."""

from dataclasses import dataclass, replace

NULL = "Null"
OPERATIONS = {
    "Picking": 100,
    "Relocate Item Label": 200,
    "Assemble Box": 300,
    "Insert Items": 400,
    "Close Box": 500,
    "Attach Box Label": 600,
    "Scan Label": 700,
    "Attach Shipping Label": 800,
    "Put on Back Table": 900,
    "Fill out Order": 1000,
    NULL: 8100,
}  # the ids of OpenPack
HANDFUL = 2  # items picked at once


@dataclass(frozen=True)
class Order:
    """One box to pack. All of it can be seen: on the sheet, in the shelf, on the table.

    ``relabel``: for each item, whether its label must be replaced; ``fed``: the flat box lies ready from the start;
    ``scanner``: it is in its cradle.
    """

    number: int
    relabel: tuple[bool, ...]
    fragile: bool
    express: bool
    fed: bool
    scanner: bool
    large: bool


@dataclass(frozen=True)
class State:
    """Where an order stands; ``shelf`` and ``tray`` name items, ``wrong`` those on the tray with a wrong label."""

    order: Order
    shelf: tuple[int, ...]
    tray: tuple[int, ...] = ()
    wrong: tuple[int, ...] = ()
    open: bool = False
    closed: bool = False
    filled: bool = False
    box_label: bool = False
    scanned: bool = False
    shipping_label: bool = False

    @classmethod
    def of(cls, order: Order) -> "State":
        """The order as it comes in."""
        return cls(order, tuple(range(len(order.relabel))))

    @property
    def begun(self) -> bool:
        """Whether an item has been picked."""
        return len(self.shelf) < len(self.order.relabel)

    def _could(self) -> dict[str, bool]:
        return {
            "Picking": bool(self.shelf) and not self.tray,
            "Relocate Item Label": bool(self.wrong),
            "Assemble Box": not self.open,
            "Insert Items": self.open and bool(self.tray) and not self.wrong,
            "Close Box": self.open and not (self.shelf or self.tray or self.closed),
            "Attach Box Label": self.closed and self.order.fragile and not self.box_label,
            "Scan Label": self.box_label and self.order.scanner and not self.scanned,
            "Attach Shipping Label": self.closed and not self.shipping_label,
            "Put on Back Table": self.shipping_label and self.filled and self.box_label == self.order.fragile,
            "Fill out Order": self.begun and not self.filled,
        }

    def possible(self) -> list[str]:
        """Every operation that can be done now."""
        return [label for label, could in self._could().items() if could]

    def expected(self) -> str:
        """The operation that the rules of the place ask for: what a perfect reader of the scene would say."""
        could = self._could()
        early = could["Fill out Order"] and self.order.express
        if early and not self.wrong:
            return "Fill out Order"
        first = ("Assemble Box",) if self.order.fed else ()
        later = ("Insert Items", "Picking", "Assemble Box", "Close Box", "Attach Box Label", "Scan Label")
        last = ("Fill out Order", "Attach Shipping Label", "Put on Back Table")
        by_rule: list[str] = ["Relocate Item Label", *first, *later, *last]
        return next(label for label in by_rule if could[label])

    def after(self, label: str) -> "State":
        """The state once ``label`` is done; "Put on Back Table" ends the order, and the next one is a new state."""
        match label:
            case "Picking":
                taken = self.shelf[:HANDFUL]
                wrong = tuple(item for item in taken if self.order.relabel[item])
                return replace(self, shelf=self.shelf[HANDFUL:], tray=taken, wrong=wrong)
            case "Relocate Item Label":
                return replace(self, wrong=())
            case "Assemble Box":
                return replace(self, open=True)
            case "Insert Items":
                return replace(self, tray=())
            case "Close Box":
                return replace(self, closed=True)
            case "Attach Box Label":
                return replace(self, box_label=True)
            case "Scan Label":
                return replace(self, scanned=True)
            case "Attach Shipping Label":
                return replace(self, shipping_label=True)
            case "Fill out Order":
                return replace(self, filled=True)
        return self
