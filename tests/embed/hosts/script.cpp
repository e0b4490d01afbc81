// Runs the script named by its argument, as script.c does, in C++: the handle is closed by its owner,
// and callbacks are functions of the class that it is handed back as `user`.
#include <moonherd.h>

#include <iostream>
#include <memory>
#include <string>

struct Host {
  std::string said;

  static void on_output(void *user, int, const char *bytes, size_t n) {
    static_cast<Host *>(user)->said.append(bytes, n);
  }
  static void on_error(void *, const moonherd_error *error) {
    std::cerr << moonherd_error_message(error) << std::endl;
  }
};

int main(int argc, char **argv) {
  Host host;
  moonherd_config config = moonherd_config();
  config.size = sizeof config;
  config.user = &host;
  config.on_output = Host::on_output;
  config.on_error = Host::on_error;
  const char *why = nullptr;
  std::unique_ptr<moonherd, void (*)(moonherd *)> m(moonherd_new(&config, &why), moonherd_close);
  if (!m) {
    std::cerr << why << std::endl;
    return 1;
  }
  if (argc < 2 || moonherd_load_file(m.get(), argv[1]) != 0) return 1;
  moonherd_start(m.get(), argc - 1, argv + 1);
  moonherd_run(m.get());
  std::cout << host.said;
  return moonherd_exit_code(m.get());
}
