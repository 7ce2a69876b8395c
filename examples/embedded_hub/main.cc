// A SignalR hub in a program of your own: alone on a port, or as a worker of a gateway when a pool's `command` names
// it.
//
//   cmake -B build -DCMAKE_PREFIX_PATH=PREFIX && cmake --build build && build/embedded_hub 127.0.0.1:8080

#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include <hubgate/hub.h>
#include <hubgate/hub_server.h>

namespace {

/// A structure that crosses the wire: {"city":…,"degrees":…} in JSON.
struct Weather {
  std::string city;
  double degrees = 0;
};
void describe(hubgate::Fields<Weather>& fields) {
  fields.add("City", &Weather::city).add("Degrees", &Weather::degrees);
}

/// State lives outside of hubs: a hub object is made for each call. Hubs run in one thread, so no lock is needed as
/// long as only they touch it.
using Stations = std::map<std::string, Weather>;

class WeatherHub : public hubgate::Hub {
 public:
  explicit WeatherHub(Stations& stations) : stations_(stations) {}
  static void map(hubgate::HubMethods<WeatherHub>& methods) {
    methods.on("Report", &WeatherHub::report).on("Look", &WeatherHub::look).on("Watch", &WeatherHub::watch);
  }

  /// A station reports; whoever watches the city hears of it.
  void report(const Weather& weather) {
    stations_[weather.city] = weather;
    clients().group(weather.city).send("Changed", weather);
  }
  /// The last report; its text reaches the client when there is none.
  Weather look(const std::string& city) {
    const auto found = stations_.find(city);
    if (found == stations_.end()) throw hubgate::HubException("Nobody has reported from " + city + ".");
    return found->second;
  }
  /// When the client's call is answered, every later report of the city reaches it, from whatever server.
  hubgate::Task<> watch(std::string city) { co_await groups().add(context().connection_id(), city); }

 private:
  Stations& stations_;
};

/// A timer in a thread of the program's own that sends through a HubContext.
class Ticker {
 public:
  explicit Ticker(hubgate::HubContext context) : thread_([this, context] { run(context); }) {}
  ~Ticker() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

 private:
  void run(const hubgate::HubContext& context) {
    std::unique_lock lock(mutex_);
    for (int count = 1; !changed_.wait_for(lock, std::chrono::milliseconds(200), [this] { return stopped_; });
         ++count) {
      context.clients().all().send("Tick", count);
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace

int main(int argc, char** argv) {
  hubgate::HubServerOptions options;
  if (argc > 1) options.listen = argv[1];
  options.on_listening = [](const std::string& address) {
    std::printf("ready http://%s\n", address.c_str());
    std::fflush(stdout);
  };
  Stations stations;
  hubgate::HubServer server(options);
  server.map<WeatherHub>("/weather", {.backplane_name = "Example.WeatherHub"},
                         [&] { return std::make_unique<WeatherHub>(stations); });
  const Ticker ticker(server.context<WeatherHub>());
  return server.run();
}
