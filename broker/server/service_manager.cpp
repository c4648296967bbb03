#include "broker/server/service_manager.hpp"

#include <systemd/sd-daemon.h>

namespace leveret::server {

namespace {
// How much longer each report asks the service manager to wait.
constexpr const char* extension_us = "30000000";
}  // namespace

void report_starting(const std::string& status) {
  ::sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%s\nSTATUS=%s", extension_us, status.c_str());
}

void report_ready() { ::sd_notify(0, "READY=1\nSTATUS=ready"); }

void report_stopping() { ::sd_notify(0, "STOPPING=1\nSTATUS=stopping"); }

}  // namespace leveret::server
