// The leveret command: the broker itself (serve), and tools around it.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "broker/admin/admin_server.hpp"
#include "broker/cli/inspect.hpp"
#include "broker/cli/perf.hpp"
#include "broker/cli/recover.hpp"
#include "broker/server/configured_users.hpp"
#include "broker/server/logging.hpp"
#include "broker/server/server.hpp"
#include "config/load.hpp"

extern char** environ;

namespace {

using namespace leveret;

// Exit codes of sysexits.h, as RabbitMQ's tools have them.
constexpr int exit_ok = 0;
constexpr int exit_usage = 64;
constexpr int exit_check_failed = 65;
constexpr int exit_no_input = 66;
constexpr int exit_unavailable = 69;
constexpr int exit_cannot_create = 73;
constexpr int exit_config = 78;

// How long the log may take to write its last lines out.
constexpr unsigned last_lines_max_s = 2;

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return variables;
}

struct ServeOptions {
  config::Sources sources;
  bool check_config = false;
  bool print_config = false;
  bool print_default_config = false;
};

/// A configuration that the broker can run with.
Result<config::Loaded, config::Problems> load_checked(const config::Sources& sources) {
  auto loaded = config::load(sources);
  if (!loaded) return loaded;
  auto problems = server::problems_of_users(loaded->config);
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return loaded;
}

/// Loads the configuration, or says on stderr what is wrong with it.
std::unique_ptr<config::Loaded> load_or_complain(const config::Sources& sources) {
  auto loaded = load_checked(sources);
  if (loaded) return std::make_unique<config::Loaded>(std::move(*loaded));
  for (const std::string& problem : loaded.error()) std::cerr << problem << "\n";
  std::cerr << loaded.error().size() << (loaded.error().size() == 1 ? " error" : " errors")
            << "; nothing was started\n";
  return nullptr;
}

std::unique_ptr<config::Config> reload(const config::Sources& sources) {
  auto loaded = load_checked(sources);
  if (loaded) return std::make_unique<config::Config>(std::move(loaded->config));
  for (const std::string& problem : loaded.error()) server::log_error("reload: " + problem);
  server::log_error("reload: the running configuration stays as it is");
  return nullptr;
}

/// Ends the process soon, whatever happens: a log that nobody reads must not hold it.
void limit_the_end(int exit_code) {
  static int code;
  code = exit_code;  // Does not change any more once the alarm is set.
  std::signal(SIGALRM, [](int) { ::_exit(code); });
  ::alarm(last_lines_max_s);
}

admin::NodeFacts node_facts(const config::Config& config) {
  return {config.node.name,
          config.node.cluster_name.empty() ? config.node.name : config.node.cluster_name,
          config.compat.version, LEVERET_VERSION, config.queues.default_type};
}

int serve(const ServeOptions& options) {
  if (options.print_default_config) {
    std::cout << config::default_file();
    return exit_ok;
  }
  const auto loaded = load_or_complain(options.sources);
  if (loaded == nullptr) return exit_config;
  if (options.check_config) {
    std::cout << "OK\n";
    return exit_ok;
  }
  if (options.print_config) {
    std::cout << config::print_effective(*loaded);
    return exit_ok;
  }
  std::signal(SIGPIPE, SIG_IGN);
  if (auto logging = server::start_logging(loaded->config.log); !logging) {
    std::cerr << logging.error() << "\n";
    return exit_cannot_create;
  }
  for (const std::string& warning : loaded->warnings) server::log_warning(warning);

  int exit_code = exit_ok;
  {
    admin::AdminServer admin(node_facts(loaded->config));
    server::Server broker(
        loaded->config, [sources = options.sources] { return reload(sources); },
        [&admin](int descriptor, broker::Peer peer) {
          admin.adopt(descriptor, {std::move(peer.address), peer.is_loopback});
        });
    admin.start(broker.control());
    if (auto started = broker.start(); !started) {
      server::log_error(started.error());
      exit_code = exit_unavailable;
    } else {
      std::string urls;
      for (const std::string& url : broker.urls()) urls += " " + url;
      std::cout << "leveret " LEVERET_VERSION " is ready:" << urls << std::endl;
      broker.run();
    }
    admin.stop();
  }
  limit_the_end(exit_code);
  server::stop_logging();
  return exit_code;
}

int perf(cli::PerfOptions& options) {
  switch (cli::run_perf(options)) {
    case cli::PerfOutcome::clean: return exit_ok;
    case cli::PerfOutcome::unclean: return exit_check_failed;
    case cli::PerfOutcome::usage_error: return exit_usage;
    case cli::PerfOutcome::unavailable: return exit_unavailable;
  }
  return exit_usage;
}

int exit_code_of(cli::ToolOutcome outcome) {
  switch (outcome) {
    case cli::ToolOutcome::fine: return exit_ok;
    case cli::ToolOutcome::damaged: return exit_check_failed;
    case cli::ToolOutcome::no_input: return exit_no_input;
    case cli::ToolOutcome::in_use: return exit_unavailable;
    case cli::ToolOutcome::cannot_create: return exit_cannot_create;
  }
  return exit_usage;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Leveret, an AMQP 0-9-1 message broker");
  app.set_version_flag("--version", "leveret " LEVERET_VERSION " (compatible with RabbitMQ 3.13)");
  app.require_subcommand(0, 1);  // None at all is refused below, after misspelt ones.

  ServeOptions options;
  options.sources.environment = environment();
  CLI::App* serve_command = app.add_subcommand("serve", "Run the broker in the foreground");
  serve_command->add_option("--config", options.sources.files, "YAML file; later ones win")
      ->type_name("FILE");
  serve_command->add_option("--set", options.sources.overrides, "Set one value, as key.path=value")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  serve_command->add_flag("--check-config", options.check_config,
                          "Check the configuration and say OK or all errors");
  serve_command->add_flag("--print-config", options.print_config,
                          "Print the effective values, each with its origin");
  serve_command->add_flag("--print-default-config", options.print_default_config,
                          "Print the default configuration as a commented file");

  cli::PerfOptions perf_options;
  const CLI::App* perf_command = cli::add_perf_command(app, perf_options);
  cli::InspectOptions inspect_options;
  const CLI::App* inspect_command = cli::add_inspect_command(app, inspect_options);
  cli::RecoverOptions recover_options;
  const CLI::App* recover_command = cli::add_recover_command(app, recover_options);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? exit_ok : exit_usage;
  }
  if (perf_command->parsed()) return perf(perf_options);
  if (inspect_command->parsed()) return exit_code_of(cli::run_inspect(inspect_options));
  if (recover_command->parsed()) return exit_code_of(cli::run_recover(recover_options));
  if (!serve_command->parsed()) {
    std::cerr << "a command is required: serve, inspect, recover or perf\n"
                 "Run with --help for more information.\n";
    return exit_usage;
  }
  return serve(options);
}
