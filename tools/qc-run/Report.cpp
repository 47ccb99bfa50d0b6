// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text and JSON of qc-run's results.
#include "Report.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <numeric>

namespace qcrun {

using qcrt::describe;

namespace {

/// printf to a string.
__attribute__((format(printf, 1, 2))) std::string format(const char *pattern,
                                                         ...) {
  va_list arguments;
  va_start(arguments, pattern);
  va_list copy;
  va_copy(copy, arguments);
  std::string text(size_t(std::vsnprintf(nullptr, 0, pattern, copy)), '\0');
  va_end(copy);
  std::vsnprintf(text.data(), text.size() + 1, pattern, arguments);
  va_end(arguments);
  return text;
}

/// Writes JSON, one member at a time; commas come by themselves.
class Json {
public:
  Json &open(char bracket) {
    separate();
    text += bracket;
    isFirst = true;
    return *this;
  }
  Json &close(char bracket) {
    text += bracket;
    isFirst = false;
    return *this;
  }
  Json &key(const char *name) {
    separate();
    quote(name);
    text += ": ";
    isFirst = true;
    return *this;
  }
  Json &value(const std::string &string) {
    separate();
    quote(string);
    return *this;
  }
  Json &value(uint64_t number) { return raw(std::to_string(number)); }
  Json &value(int64_t number) { return raw(std::to_string(number)); }
  Json &value(bool boolean) { return raw(boolean ? "true" : "false"); }
  Json &value(double number) {
    return raw(std::isfinite(number) ? format("%.17g", number) : "null");
  }
  template <typename T> Json &member(const char *name, const T &content) {
    return key(name).value(content);
  }
  Json &member(const char *name, const char *content) {
    return key(name).value(std::string(content));
  }

  std::string text;

private:
  void separate() {
    if (!isFirst)
      text += ", ";
    isFirst = false;
  }
  Json &raw(const std::string &number) {
    separate();
    text += number;
    return *this;
  }
  /// Bytes that are not UTF-8 stay as they are: names come from ONNX files,
  /// whose strings are UTF-8.
  void quote(const std::string &string) {
    text += '"';
    for (char c : string) {
      if (c == '"' || c == '\\')
        (text += '\\') += c;
      else if (uint8_t(c) < 0x20)
        text += format("\\u%04x", unsigned(c));
      else
        text += c;
    }
    text += '"';
  }
  bool isFirst = true;
};

const char *deviceName(DeviceKind kind) {
  return kind == DeviceKind::Cpu      ? "cpu"
         : kind == DeviceKind::PtxSim ? "ptx-sim"
                                      : "cuda";
}

void addTensor(Json &json, const char *name, uint32_t type,
               const std::vector<int64_t> &dims, uint64_t bytes) {
  json.member("name", name).member("type", qcrt::typeName(type));
  json.key("dims").open('[');
  for (int64_t dim : dims)
    json.value(dim);
  json.close(']').member("bytes", bytes);
}

void addTensors(Json &json, const char *key,
                const std::vector<QcrtTensorInfo> &tensors) {
  json.key(key).open('[');
  for (const QcrtTensorInfo &tensor : tensors) {
    json.open('{');
    addTensor(json, tensor.name, tensor.type,
              {tensor.dims, tensor.dims + tensor.rank}, tensor.bytes);
    json.close('}');
  }
  json.close(']');
}

void addHead(Json &json, const Artifact &artifact, const Options &options) {
  QcrtModelInfo info = artifact.info();
  json.member("artifact", options.artifact).member("model", info.name);
  json.member("producer", info.producer);
  json.member("device", deviceName(options.device));
  json.member("form", info.form).member("weights_bytes", info.weightsBytes);
  json.member("prepared_bytes", info.preparedBytes);
  json.member("preparation_launches", uint64_t(info.preparationCount));
  json.member("preparation_ms", double(info.preparationNanoseconds) / 1e6);
}

std::string infoJson(const Artifact &artifact, const Options &options) {
  Json json;
  json.open('{');
  addHead(json, artifact, options);
  json.member("kernels", uint64_t(artifact.info().kernelCount));
  json.key("programs").open('[');
  for (uint32_t i = 0; i < artifact.info().programCount; ++i) {
    QcrtProgramInfo program = artifact.program(i);
    json.open('{').member("name", program.name);
    json.member("bindings", program.bindings);
    json.member("arena_bytes", program.arenaBytes);
    json.member("lower_bound_bytes", program.lowerBoundBytes);
    addTensors(json, "inputs", artifact.inputs(i));
    addTensors(json, "outputs", artifact.outputs(i));
    json.key("launches").open('[');
    for (const QcrtLaunchInfo &launch : artifact.launches(i)) {
      json.open('{').member("name", launch.name);
      json.member("kernel", launch.kernel).member("family", launch.family);
      json.member("extent", launch.extent).member("grain", launch.grain);
      json.member("bytes", launch.bytes).close('}');
    }
    json.close(']').close('}');
  }
  json.close(']').close('}');
  return json.text + "\n";
}

/// What loading the model did; empty if nothing.
std::string describePreparation(const QcrtModelInfo &info) {
  if (info.preparationCount == 0)
    return "";
  return format("prepared at load %llu bytes by %u launches in %.3f ms\n",
                (unsigned long long)info.preparedBytes, info.preparationCount,
                double(info.preparationNanoseconds) / 1e6);
}

std::string infoText(const Artifact &artifact, const Options &options) {
  QcrtModelInfo info = artifact.info();
  std::string text = format(
      "%s: model '%s' by %s\n%u kernels, form %s, weights %llu bytes\n",
      options.artifact.c_str(), info.name, info.producer, info.kernelCount,
      info.form, (unsigned long long)info.weightsBytes);
  text += describePreparation(info);
  for (uint32_t i = 0; i < info.programCount; ++i) {
    QcrtProgramInfo program = artifact.program(i);
    text += format("program %s%s%s\n", program.name,
                   program.bindings[0] ? " with " : "", program.bindings);
    text += format("  arena %llu bytes (no plan needs less than %llu)\n",
                   (unsigned long long)program.arenaBytes,
                   (unsigned long long)program.lowerBoundBytes);
    for (const QcrtTensorInfo &tensor : artifact.inputs(i))
      text += format("  input %s: %s\n", tensor.name, describe(tensor).c_str());
    for (const QcrtTensorInfo &tensor : artifact.outputs(i))
      text +=
          format("  output %s: %s\n", tensor.name, describe(tensor).c_str());
    text += format("  %u launches\n", program.launchCount);
    for (const QcrtLaunchInfo &launch : artifact.launches(i))
      text += format("    %s: %s (%s), extent %llu, grain %llu\n", launch.name,
                     launch.kernel, launch.family,
                     (unsigned long long)launch.extent,
                     (unsigned long long)launch.grain);
  }
  return text;
}

void addComparison(Json &json, const qcrt::Comparison &comparison) {
  json.key("comparison").open('{').member("match", comparison.matches);
  if (!comparison.problem.empty()) {
    json.member("problem", comparison.problem).close('}');
    return;
  }
  json.member("max_abs", comparison.maxAbsolute);
  json.member("max_rel", comparison.maxRelative);
  json.member("sqnr_db", comparison.sqnr);
  json.member("cosine", comparison.cosine);
  json.member("elements", comparison.elements);
  json.member("mismatches", comparison.mismatches);
  if (comparison.mismatches) {
    json.member("first_mismatch", comparison.firstMismatch);
    json.member("first_actual", comparison.firstActual);
    json.member("first_expected", comparison.firstExpected);
  }
  json.close('}');
}

std::string runsJson(const Artifact &artifact, const Options &options,
                     const RunReport &report) {
  Json json;
  json.open('{');
  addHead(json, artifact, options);
  json.member("threads", uint64_t(options.threads));
  json.member("runs", uint64_t(report.latency.runs()));
  if (report.latency.runs()) {
    json.key("latency_ms").open('{').member("min", report.latency.minimum());
    json.member("median", report.latency.median());
    json.member("p90", report.latency.percentile90()).close('}');
  }
  if (!report.session) {
    json.member("data_set_runs", uint64_t(report.dataSetRuns)).close('}');
    return json.text + "\n";
  }
  QcrtProgramInfo program = artifact.program(report.session->program());
  json.member("program", program.name).member("bindings", program.bindings);
  json.member("arena_bytes", program.arenaBytes);
  bool matches = true;
  json.key("outputs").open('[');
  for (const OutputReport &output : report.outputs) {
    json.open('{');
    addTensor(json, output.tensor->name.c_str(), output.tensor->type,
              output.tensor->dims, output.tensor->data.size());
    if (!output.file.empty())
      json.member("file", output.file);
    if (output.isCompared) {
      addComparison(json, output.comparison);
      matches &= output.comparison.matches;
    }
    json.close('}');
  }
  json.close(']').member("match", matches);
  std::vector<QcrtLaunchProfile> profile = report.session->profile();
  if (!profile.empty()) {
    std::vector<QcrtLaunchInfo> launches =
        artifact.launches(report.session->program());
    json.key("launches").open('[');
    for (size_t i = 0; i < profile.size(); ++i) {
      json.open('{').member("name", launches[i].name);
      json.member("kernel", launches[i].kernel);
      json.member("family", launches[i].family);
      double runs = double(std::max<uint64_t>(profile[i].runs, 1));
      json.member("mean_ms", double(profile[i].totalNanoseconds) / runs / 1e6);
      json.member("min_ms", double(profile[i].minNanoseconds) / 1e6);
      json.member("shape", launches[i].shape);
      json.member("macs", launches[i].macs).member("bytes", launches[i].bytes);
      json.close('}');
    }
    json.close(']');
  }
  json.close('}');
  return json.text + "\n";
}

std::string comparisonText(const qcrt::Comparison &comparison) {
  if (!comparison.problem.empty())
    return "MISMATCH: " + comparison.problem;
  std::string text =
      format("max abs %.3g, max rel %.3g, SQNR %.1f dB, cosine %.9f: ",
             comparison.maxAbsolute, comparison.maxRelative, comparison.sqnr,
             comparison.cosine);
  if (comparison.matches)
    return text + "match";
  return text +
         format("MISMATCH of %llu of %llu elements, first at %llu: %.9g, "
                "expected %.9g",
                (unsigned long long)comparison.mismatches,
                (unsigned long long)comparison.elements,
                (unsigned long long)comparison.firstMismatch,
                comparison.firstActual, comparison.firstExpected);
}

std::string profileText(const Artifact &artifact, const Session &session) {
  std::vector<QcrtLaunchProfile> profile = session.profile();
  if (profile.empty())
    return {};
  std::vector<QcrtLaunchInfo> launches = artifact.launches(session.program());
  double total = 0;
  std::map<std::string, double> families;
  auto meanOf = [&](size_t i) {
    return double(profile[i].totalNanoseconds) /
           double(std::max<uint64_t>(profile[i].runs, 1)) / 1e6;
  };
  for (size_t i = 0; i < profile.size(); ++i) {
    total += meanOf(i);
    families[launches[i].family] += meanOf(i);
  }
  std::vector<size_t> order(profile.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(-meanOf(a), a) < std::pair(-meanOf(b), b);
  });
  auto percent = [&](double part) {
    return total > 0 ? part / total * 100 : 0;
  };
  std::string text = "launches by mean time\n";
  for (size_t i : order)
    text += format("  %9.4f ms %5.1f %%  %s  %s (%s): %s\n", meanOf(i),
                   percent(meanOf(i)), launches[i].name, launches[i].kernel,
                   launches[i].family, launches[i].shape);
  text += "families\n";
  for (const auto &[family, time] : families)
    text += format("  %9.4f ms %5.1f %%  %s\n", time, percent(time),
                   family.c_str());
  return text;
}

std::string runsText(const Artifact &artifact, const Options &options,
                     const RunReport &report) {
  QcrtModelInfo info = artifact.info();
  std::string text = options.artifact;
  if (report.session) {
    QcrtProgramInfo program = artifact.program(report.session->program());
    text += format(": program %s%s%s", program.name,
                   program.bindings[0] ? " with " : "", program.bindings);
  } else {
    text += format(": %zu files of a data set", report.dataSetRuns);
  }
  text += format(", form %s, %u thread%s\n", info.form, options.threads,
                 options.threads == 1 ? "" : "s");
  if (report.latency.runs())
    text += format("latency: min %.4f ms, median %.4f ms, p90 %.4f ms over "
                   "%zu runs\n",
                   report.latency.minimum(), report.latency.median(),
                   report.latency.percentile90(), report.latency.runs());
  for (const OutputReport &output : report.outputs) {
    text += format("output %s: %s", output.tensor->name.c_str(),
                   describe(*output.tensor).c_str());
    if (!output.file.empty())
      text += " -> " + output.file;
    if (output.isCompared)
      text += ": " + comparisonText(output.comparison);
    text += '\n';
  }
  if (report.session) {
    std::string profile = profileText(artifact, *report.session);
    if (!profile.empty())
      text += describePreparation(info);
    text += profile;
  }
  return text;
}

} // namespace

std::string reportInfo(const Artifact &artifact, const Options &options) {
  return options.json ? infoJson(artifact, options)
                      : infoText(artifact, options);
}

std::string reportRuns(const Artifact &artifact, const Options &options,
                       const RunReport &report) {
  return options.json ? runsJson(artifact, options, report)
                      : runsText(artifact, options, report);
}

} // namespace qcrun
