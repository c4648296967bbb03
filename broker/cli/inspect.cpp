#include "broker/cli/inspect.hpp"

#include <cstdio>

#include "broker/cli/inspect_output.hpp"
#include "broker/cli/store_contents.hpp"
#include "storage/posix_file.hpp"

namespace leveret::cli {

CLI::App* add_inspect_command(CLI::App& program, InspectOptions& options) {
  CLI::App* command =
      program.add_subcommand("inspect", "Show what a data directory holds, changing nothing");
  command->add_option("DIR", options.folder, "The data directory: node.data_dir")->required();
  command->add_flag("--json", options.json, "Print one JSON object");
  command->add_flag("--segments", options.segments,
                    "Show the segments of the log; reads all of them");
  command->add_flag("--queues", options.queues, "Show the queues that have messages");
  command
      ->add_option_function<std::uint64_t>(
          "--records",
          [&options](std::uint64_t count) { options.record_count_max = count; },
          "Show the records of the log, or the N newest of them; reads all that it shows")
      ->type_name("[N]")
      ->expected(0, 1)
      ->default_str(std::to_string(UINT64_MAX))
      ->each([&options](const std::string&) { options.records = true; });
  return command;
}

ToolOutcome run_inspect(const InspectOptions& options) {
  storage::PosixFileSystem files;
  const auto contents = read_store(files, options.folder);
  if (!contents) {
    std::fprintf(stderr, "%s\n", contents.error().c_str());
    return ToolOutcome::no_input;
  }
  if (options.json) {
    print_json(files, *contents, options);
  } else {
    print_text(files, *contents, options);
  }
  if (!contents->refusal.empty()) {
    std::fprintf(stderr, "a start would be refused: %s\n", contents->refusal.c_str());
    return ToolOutcome::damaged;
  }
  return ToolOutcome::fine;
}

}  // namespace leveret::cli
