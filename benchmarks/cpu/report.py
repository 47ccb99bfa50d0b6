# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table and the plot of measured rows."""
import math

COLUMNS = ("qc", "onnxruntime", "openvino", "iree")


def key(line):
    return line["network"], line["style"], line["threads"]


def header(machine):
    print(f"CPU: {machine['cpu']}")
    for threads, peak in machine["peaks"].items():
        dot = f", vpdpbusd {peak['vpdpbusd']:.0f} GMAC/s" if "vpdpbusd" in peak else ", no vpdpbusd"
        print(f"peaks of {threads} thread(s): FMA {peak['fma']:.0f} GMAC/s{dot}, "
              f"memory {list(peak['read'].values())[-1]:.0f} GB/s")


def titles(peers):
    print(f"{'network':38} {'style':14} thr " + " ".join(f"{name[:11]:>11}" for name in peers)
          + f" {'ratio':>6} {'error':>8}", flush=True)


def row(line, peers):
    cells = []
    for name in peers:
        cells.append(f"{line['ms'][name]:11.3f}" if name in line["ms"] else f"{'-':>11}")
    ratio = f"{line['ratio']:6.2f}" if "ratio" in line else f"{'-':>6}"
    error = f"{line['error']:8.1e}" if line.get("error") is not None else f"{'-':>8}"
    why = "; ".join(f"{name}: {reason}" for name, reason in line["reasons"].items()
                    if not reason.startswith("not tried"))
    print(f"{line['network'][:38]:38} {line['style']:14} {line['threads']:3} {' '.join(cells)} {ratio} {error}"
          + (f"  ({why[:160]})" if why else ""), flush=True)


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def groups(result):
    """{(fp32 or int8, threads): rows with a ratio}"""
    found = {}
    for line in result["rows"]:
        if "ratio" in line:
            found.setdefault((line["style"].split("-")[0], line["threads"]), []).append(line)
    return dict(sorted(found.items()))


def summary(result):
    for (style, threads), lines in groups(result).items():
        worst = min(lines, key=lambda line: line["ratio"])
        print(f"{style}, {threads} thread(s), {len(lines)} rows: geometric mean {geometric_mean([line['ratio'] for line in lines]):.3f}, "
              f"least {worst['ratio']:.2f} ({worst['network']} {worst['style']}), "
              f"{sum(line['ratio'] < 0.8 for line in lines)} below 0.8")


def show(result):
    header(result["machine"])
    peers = [name for name in COLUMNS if any(name in line["ms"] for line in result["rows"])]
    titles(peers)
    for line in result["rows"]:
        row(line, peers)
    summary(result)


def plot(result, file):
    """Ratios as bars, one picture for each number of threads and element type."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    found = groups(result)
    figure, axes = pyplot.subplots(1, len(found), squeeze=False, figsize=(5 * len(found), 9), layout="constrained")
    for axis, ((style, threads), lines) in zip(axes[0], found.items()):
        lines = sorted(lines, key=lambda line: line["ratio"])
        names = [f"{line['network']} {line['style'][5:]}".strip() for line in lines]
        ratios = [line["ratio"] for line in lines]
        axis.barh(names, ratios, color=["tab:green" if ratio >= 1 else "tab:red" for ratio in ratios])
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_title(f"{style}, {threads} thread(s): geometric mean {geometric_mean(ratios):.2f}")
        axis.set_xlabel("time of the best peer / time of qc")
        axis.tick_params(axis="y", labelsize=7)
    figure.suptitle(result["machine"]["cpu"])
    figure.savefig(file)
