# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What each kernel of a network takes, and how far that is from what the CPU can
do: multiply-accumulates against the measured peak of FMA or vpdpbusd, bytes
against the read bandwidth of the memory level that holds them."""
import statistics
import time

import peaks
import peers
import report as tables

FLOAT, UINT8, INT8 = 1, 2, 3  # of enum QcElementType
RUNS_SECONDS = 1.0


def bandwidth(peak, size):
    """GB/s of reading a working set of `size` bytes."""
    reads = {int(extent): rate for extent, rate in peak["read"].items()}
    return reads[next((extent for extent in sorted(reads) if extent >= size), max(reads))]


def shares(launch, milliseconds, peak):
    """(GMAC/s, its share of the peak, GB/s, its share of the bandwidth); a kernel
    without products has none of the first two. Float of 64 bits and recurrent
    cells are not counted."""
    seconds = milliseconds * 1e-3
    name = {FLOAT: "fma", UINT8: "vpdpbusd", INT8: "vpdpbusd"}.get(launch["mac_type"])
    rate = launch["macs"] / seconds * 1e-9
    bytes_rate = launch["bytes"] / seconds * 1e-9
    return (rate, rate / peak[name] if name in peak else None, bytes_rate,
            bytes_rate / bandwidth(peak, launch["bytes"]))


def measure(qc):
    """(launch, its milliseconds in each run) of all launches: a run at a time, so
    that what disturbs one does not count for others."""
    qc.run()
    times = None
    begin = time.perf_counter()
    while time.perf_counter() - begin < RUNS_SECONDS:
        qc.session.reset_profile()
        qc.run()
        launches = qc.session.profile()
        times = times or [[] for _ in launches]
        for launch, known in zip(launches, times):
            if launch["runs"]:
                known.append(launch["total_ms"] / launch["runs"])
    return zip(launches, times)


def report(row, threads):
    machine = peaks.machine([threads])
    peak = machine["peaks"][str(threads)]
    try:
        qc = peers.Qc(row.file(), row.feed(), threads, profile=True)
    except peers.Unavailable as reason:
        print(f"{row.name}: {reason}")
        return
    profile = [{**launch, "ms": statistics.median(times)} for launch, times in measure(qc) if times]
    total = sum(launch["ms"] for launch in profile)
    print(f"\n{row.name}, {threads} thread(s), form {qc.model.form}: {total:.3f} ms in {len(profile)} launches, "
          f"arena {qc.session.program.arena_bytes / 1e6:.2f} MB (lower bound {qc.session.program.lower_bound_bytes / 1e6:.2f})")
    tables.header(machine)
    print(f"{'ms':>9} {'time':>6} {'MMAC':>9} {'GMAC/s':>8} {'peak':>6} {'MB':>7} {'GB/s':>6} {'bandw.':>6} {'threads':>7}  "
          "family, shape, nodes")
    for launch in sorted(profile, key=lambda launch: -launch["ms"]):
        rate, of_peak, bytes_rate, of_bandwidth = shares(launch, launch["ms"], peak)
        work = f"{launch['macs'] / 1e6:9.3f} {rate:8.1f}" if launch["macs"] else f"{'':9} {'':8}"
        part = f"{of_peak:6.0%}" if of_peak is not None else f"{'':6}"
        used = max(1, min(threads, launch["extent"] // launch["grain"]))
        print(f"{launch['ms']:9.4f} {launch['ms'] / total:6.1%} {work} {part} {launch['bytes'] / 1e6:7.3f} "
              f"{bytes_rate:6.1f} {of_bandwidth:6.0%} {used:7}  {launch['family']}: {launch['shape']}  [{launch['name'][:60]}]")
    macs = sum(launch["macs"] for launch in profile)
    ideal = sum(launch["macs"] / peak["fma" if launch["mac_type"] == FLOAT else "vpdpbusd"] * 1e-6 for launch in profile
                if launch["macs"] and ("vpdpbusd" in peak or launch["mac_type"] == FLOAT))
    print(f"{macs / 1e6:.1f} MMAC would take {ideal:.3f} ms at the peak: {ideal / total:.0%} of the time")
