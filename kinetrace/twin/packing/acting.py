"""A session on stage: one operation after the other, hesitations, and the orders as they come in."""

import numpy as np

from kinetrace.twin.packing.act import Act
from kinetrace.twin.packing.motions import ACTS
from kinetrace.twin.packing.orders import Order
from kinetrace.twin.packing.places import REST, Places
from kinetrace.twin.packing.scene import HIDDEN, ITEMS, NO_TAG, ON_SHELF, WRONG, Stage
from kinetrace.twin.packing.workflow import Step

EARLY = 0.5  # seconds before the end of Close Box at which the hands are off to what comes next, as published
HESITATES = 0.22  # share of operations


def stage_orders(stage: Stage, places: Places, steps: list[Step], random: np.random.Generator) -> list[Order]:
    """Act out ``steps`` on ``stage``; returns the orders that the numbers in the scene stand for."""
    orders = [steps[0].state.order]
    arrive(stage, places, orders[0], 0, -1.0, -1.0)
    for index, step in enumerate(steps):
        start = step.start - (EARLY if index and steps[index - 1].label == "Close Box" else 0)
        end = step.end - (EARLY if step.label == "Close Box" else 0)
        act = Act(stage, places, step.state, start, end, random)
        _hesitate(act)
        ACTS[step.label](act)
        if step.label == "Put on Back Table":
            following = next_order(steps, index)
            arrive(stage, places, following, len(orders), act.at(0.12), act.at(0.5))
            orders.append(following)
    return orders


def next_order(steps: list[Step], index: int) -> Order:
    """The order after that of step ``index``; at the end of a session the same once more."""
    return steps[index + 1].state.order if index + 1 < len(steps) else steps[index].state.order


def arrive(stage: Stage, places: Places, order: Order, number: int, paper: float, box: float) -> None:
    """Order ``number`` comes in: its sheet and its lamps at ``paper`` seconds, its box (where it is fed) at ``box``."""
    stage.order.to(number, paper)
    stage.box_order.to(number, box)
    stage.written.to(0, paper)
    for item in range(ITEMS):
        there = item < len(order.relabel)
        stage.items[item].to(places.bins[item], paper)
        stage.item_where[item].to(ON_SHELF if there else HIDDEN, paper)
        stage.item_tag[item].to(WRONG if there and order.relabel[item] else NO_TAG, paper)
        stage.lamps[item].to(there, paper)
    if order.fed:
        stage.box.to(places.stack, box - 0.01)
        stage.box.to(places.work, box, box + 0.5)
        stage.box_there.to(1, box)


def _hesitate(act: Act) -> None:
    """Now and then the hands stop, or one is off for the wrong tool and comes back."""
    if act.random.random() >= HESITATES:
        return
    lasts = act.end - act.start
    seconds = min(act.random.uniform(0.4, 1.0), 0.25 * lasts)
    length = seconds / lasts
    act.pause = (act.random.uniform(0.1, 0.8), length)
    if act.random.random() < 0.5:
        begin = act.at(act.pause[0])
        hand = act.stage.hands[int(act.random.integers(2))]
        wrong = (act.places.tape, act.places.printer, act.places.sheet, act.places.tray)[act.random.integers(4)]
        away = 0.5 * (wrong - REST.mean(0))
        hand.wave(begin, begin + seconds, tuple(away), 0.5 / seconds)
