"""All faults: done for real, each to an endpoint of its own while other clients use it."""

from reliability.archive_faults import (
    archive_replaced,
    corrupt_archive,
    disk_full,
    half_written_archive,
    hostile_archives,
    no_memory_for_ever,
    shared_memory_full,
)
from reliability.client_faults import (
    clients_that_hang_up,
    hostile_names,
    malformed_http,
    thousand_targets,
    two_hundred_clients,
)
from reliability.process_faults import (
    kill_router,
    kill_stub,
    kill_triton,
    kill_triton_while_it_loads,
    load_that_hangs,
)
from reliability.scene import Scenario, in_namespace, small_disk

SCENARIOS = (
    Scenario("kill -9 of a model's process", kill_stub),
    Scenario("kill -9 of Triton", kill_triton),
    Scenario("kill -9 of Triton while it loads", kill_triton_while_it_loads),
    Scenario(
        "a load that hangs",
        load_that_hangs,
        constants=(("mmebench.server.containers.control.LOAD_SECONDS", 2.0),),
    ),
    Scenario("a corrupt archive", corrupt_archive),
    Scenario("a half-written archive", half_written_archive),
    Scenario(
        "an archive replaced under its name",
        archive_replaced,
        options=("--container", "triton", "--memory", "180MiB"),
        bystanders=1,
    ),
    Scenario("archives that escape, link or explode", hostile_archives),
    Scenario(
        "the disk of unpacked archives full",
        disk_full,
        before=small_disk,
        bystanders=1,
    ),
    Scenario(
        "/dev/shm full",
        shared_memory_full,
        before=lambda folder: in_namespace("-o size=8m none /dev/shm"),
        bystanders=1,
    ),
    Scenario("a container that says 507 for ever", no_memory_for_ever, bystanders=1),
    Scenario(
        "1,000 targets, room for a few",
        thousand_targets,
        options=("--container", "python", "--memory", "60MiB"),
        bystanders=0,
    ),
    Scenario(
        "200 clients at once on 50 targets, room for 5",
        two_hundred_clients,
        options=("--container", "triton", "--memory", "190MiB", "--load-concurrency", "4"),
        bystanders=0,
    ),
    Scenario("clients that hang up", clients_that_hang_up),
    Scenario("malformed HTTP", malformed_http),
    Scenario("hostile target names", hostile_names),
    Scenario("kill -9 of the router", kill_router, bystanders=1),
)
