# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table, the bars and the curves of measured rows.

A row is {network, name, group, tool, rows, float, metric, same, sqnr_db,
weight_bytes, cost} or has a "reason" instead of figures."""
import rows


def key(line):
    return line["network"], line["name"], line["tool"]


TITLES = (f"{'network':18} {'format':14} {'by':11} {'rows':>6} {'float':>7} {'quant.':>7} {'same %':>7} {'SQNR dB':>8} "
          f"{'weights':>10} {'s':>7} {'CPU s':>7} {'peak MB':>8}  bars")


def cells(line):
    begin = f"{line['network']:18} {line['name']:14} {line['tool']:11}"
    if "reason" in line:
        return f"{begin} {line['reason']}"
    cost = line["cost"]
    return (f"{begin} {line['rows']:6} {line['float']:7.2f} {line['metric']:7.2f} {line['same']:7.2f} "
            f"{line['sqnr_db']:8.2f} {line['weight_bytes'] / 1e6:7.3f} MB {cost['seconds']:7.1f} "
            f"{cost['cpu_seconds']:7.1f} {cost['peak_bytes'] / 1e6:8.0f}"
            + (f"  {line['tokens_per_s']:.0f} tokens/s" if "tokens_per_s" in line else ""))


def bars(line, lines):
    """[(what is asked for, whether the row does)] of a row of qc's."""
    if line["tool"] != "qc" or "reason" in line:
        return []
    found = []
    others = [other for other in lines if other["network"] == line["network"] and "reason" not in other]
    if line["name"] == "W8A8" and line["network"] != rows.LANGUAGE_NAME:
        peers = [other for other in others if other["name"] == "W8A8" and other["tool"] != "qc"]
        for figure, unit in (("sqnr_db", "dB"), ("same", "% same")):
            if peers:
                best = max(other[figure] for other in peers)
                found.append((f"peers' {best:.2f} {unit}", line[figure] >= best))
        found.append(("float - 0.5", line["metric"] >= line["float"] - 0.5))
    for network, name, figure, sign, value in rows.BARS:
        if (network, name) == (line["network"], line["name"]):
            actual = line["cost"][figure] if figure in line["cost"] else line[figure]
            found.append((f"{figure} {sign} {value:g}", actual >= value if sign == ">=" else actual <= value))
    if line["group"] == "mixed":
        for other in others:
            # Smaller or of the same size, and better.
            if other["group"] != "mixed" and other["tool"] == "qc" and other["name"] == rows.UNIFORM_OF.get(line["name"]):
                found.append((f"{other['name']}'s {other['sqnr_db']:.2f} dB", line["sqnr_db"] > other["sqnr_db"]))
                found.append((f"its {other['weight_bytes'] / 1e6:.3f} MB",
                              line["weight_bytes"] <= 1.02 * other["weight_bytes"]))
    return found


def row(line, lines):
    judged = "; ".join(f"{text}: {'met' if good else 'MISSED'}" for text, good in bars(line, lines))
    print(f"{cells(line)}  {judged}", flush=True)


def show(result):
    print(f"CPU: {result['cpu']}")
    print(TITLES)
    lines = result["rows"]
    for line in lines:
        row(line, lines)
    judged = [good for line in lines for _, good in bars(line, lines)]
    print(f"{sum(judged)} bars met, {len(judged) - sum(judged)} missed")


def plot(result, file):
    """SQNR and metric against the size of the weights, a column for each network."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    lines = [line for line in result["rows"] if "reason" not in line]
    names = list(dict.fromkeys(line["network"] for line in lines))
    figure, axes = pyplot.subplots(2, len(names), squeeze=False, figsize=(4 * len(names), 7), layout="constrained")
    for column, name in enumerate(names):
        own = [line for line in lines if line["network"] == name]
        series = {}
        for line in own:
            kind = line["tool"] if line["tool"] != "qc" else "qc, mixed" if line["group"] == "mixed" else "qc, uniform"
            series.setdefault(kind, []).append(line)
        for axis, what in ((axes[0][column], "sqnr_db"), (axes[1][column], "metric")):
            for kind, points in series.items():
                points.sort(key=lambda line: line["weight_bytes"])
                axis.plot([line["weight_bytes"] / 1e6 for line in points], [line[what] for line in points],
                          "o-" if kind.startswith("qc") else "x", label=kind)
            axis.set_xlim(left=0)
        axes[1][column].axhline(own[0]["float"], color="black", linewidth=0.8)
        axes[0][column].set_title(name)
        axes[1][column].set_xlabel("MB of weights")
    axes[0][0].set_ylabel("SQNR of the output, dB")
    axes[1][0].set_ylabel("task metric (line: float)")
    axes[0][0].legend()
    figure.suptitle(result["cpu"])
    figure.savefig(file)
