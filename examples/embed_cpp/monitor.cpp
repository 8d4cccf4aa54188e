// Watches a pump by its sensors, and learns on the device what is normal: an autoencoder, trained while the
// pump is healthy, cannot reproduce a reading whose sensors do not fit each other.
//
//   monitor                             all of the below in one go, with a simulated pump
//   monitor simulate > healthy.csv      11,000 readings of a healthy pump; `simulate clogged`: of a clogged
//   filter monitor train pump.lamina < healthy.csv monitor watch pump.lamina < new.csv
#include <lamina/lamina.hpp>

#include <array>
#include <cmath>
#include <fstream>
#include <iostream>
#include <sstream>

namespace {

using Reading = std::array<float, 5>;
constexpr const char* kHeader = "flow,pressure,current,vibration,temperature";

// A pump whose load follows the day; a clogged filter costs flow and raises the pressure.
std::vector<Reading> simulate(std::size_t count, double clogged, std::uint64_t state) {
  const auto noise = [&state] {  // of mean 0 and variance 1, the same on every machine
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += static_cast<double>(state >> 11) * 0x1p-53;
    }
    return sum;
  };
  double walk = 0.0, temperature = 43.0;
  std::vector<Reading> readings;
  for (std::size_t minute = 0; minute < count; ++minute) {
    walk = 0.99 * walk + 0.01 * noise();
    const double load = 0.6 + 0.25 * std::sin(2.0 * 3.14159265 * static_cast<double>(minute) / 1440.0) + walk;
    temperature += 0.02 * (25.0 + 30.0 * load - temperature);
    const double values[] = {40.0 * load * (1.0 - clogged) + 0.3 * noise(),
                             2.0 + 3.0 * load * load + 2.0 * clogged + 0.03 * noise(),
                             4.0 + 6.0 * load + 0.1 * noise(), 1.0 + 2.0 * load * load + 0.1 * noise(),
                             temperature + 0.2 * noise()};
    std::ranges::transform(values, readings.emplace_back().begin(),
                           [](double v) { return static_cast<float>(v); });
  }
  return readings;
}

// The next line of a CSV file; false at its end.
bool read(std::istream& in, Reading& reading) {
  std::string line;
  if (!std::getline(in, line)) return false;
  std::istringstream cells(line);
  char comma = ',';
  for (std::size_t i = 0; i < reading.size(); ++i)
    if ((i > 0 && !(cells >> comma)) || comma != ',' || !(cells >> reading[i]))
      throw std::runtime_error(std::string("expected ") + kHeader + " as numbers, got '" + line + "'");
  return true;
}

struct Monitor {
  lamina::Sequential net;
  double alarm = 0.0;  // the error above which a reading is not normal
  lamina::Predictor predictor = net.compile_predictor();
  std::vector<float> deviations = net.parameter("layers.0.deviation");

  // How far a reading is from what the network makes of it: a mean of squares, in units of the deviations.
  double error(const Reading& reading) const {
    Reading expected;
    predictor(reading, expected);  // allocates nothing
    double sum = 0.0;
    for (std::size_t i = 0; i < reading.size(); ++i) {
      const double distance = (reading[i] - expected[i]) / deviations[i];
      sum += distance * distance;
    }
    return sum / static_cast<double>(reading.size());
  }
};

Monitor train(const std::vector<Reading>& readings) {
  const std::size_t sensors = Reading().size();
  const std::span<const float> x(readings.front().data(), readings.size() * sensors);
  lamina::Sequential net(sensors,
                         {lamina::Normalization{}, lamina::Dense{16, "tanh"}, lamina::Dense{2},
                          lamina::Dense{16, "tanh"}, lamina::Dense{sensors}},
                         {.seed = 1, .scale_targets = true});
  const lamina::History history =
      net.fit(x, x,
              {.epochs = 40,
               .optimizer = lamina::Adam{.learning_rate = lamina::CosineSchedule{0.01}},
               .validation_fraction = 0.1,
               .early_stopping = lamina::EarlyStopping{.patience = 10}});
  std::cout << "trained on " << readings.size() << " readings, " << history.epochs()
            << " epochs; error on those held back " << history["val_loss"].back() << " of 1\n";
  Monitor monitor{std::move(net)};
  std::vector<double> errors;
  for (const Reading& reading : readings) errors.push_back(monitor.error(reading));
  std::ranges::sort(errors);
  monitor.alarm = 1.5 * errors[errors.size() * 999 / 1000];
  return monitor;
}

void save(const Monitor& monitor, const std::string& path) {
  monitor.net.save(path);
  if (!(std::ofstream(path + ".alarm") << monitor.alarm << '\n'))
    throw std::runtime_error("cannot write " + path + ".alarm");
}

Monitor load(const std::string& path) {
  Monitor monitor{lamina::Sequential::load(path)};
  if (!(std::ifstream(path + ".alarm") >> monitor.alarm))
    throw std::runtime_error("cannot read " + path + ".alarm");
  return monitor;
}

std::size_t count_alarms(const Monitor& monitor, const std::vector<Reading>& readings) {
  return static_cast<std::size_t>(
      std::ranges::count_if(readings, [&](const Reading& r) { return monitor.error(r) > monitor.alarm; }));
}

void run(const std::string& command, const std::string& argument) {
  Reading reading;
  std::string header;
  if (command == "simulate") {
    std::cout.precision(9);  // enough for every float to come back as it was
    std::cout << kHeader << '\n';
    for (const Reading& r : simulate(11000, argument == "clogged" ? 0.1 : 0.0, 7))
      std::cout << r[0] << ',' << r[1] << ',' << r[2] << ',' << r[3] << ',' << r[4] << '\n';
  } else if (command == "train") {
    std::vector<Reading> readings;
    for (std::getline(std::cin, header); read(std::cin, reading);) readings.push_back(reading);
    save(train(readings), argument);
  } else if (command == "watch") {
    const Monitor monitor = load(argument);
    std::size_t number = 0;
    for (std::getline(std::cin, header); read(std::cin, reading); ++number)
      if (const double error = monitor.error(reading); error > monitor.alarm)
        std::cout << "reading " << number << ": error " << error << ", alarm above " << monitor.alarm
                  << std::endl;
  } else {
    save(train(simulate(10000, 0.0, 1)), "pump.lamina");
    const Monitor monitor = load("pump.lamina");
    std::cout << "alarms in 5000 new readings: " << count_alarms(monitor, simulate(5000, 0.0, 2))
              << "\nalarms in 5000 readings with a clogged filter: "
              << count_alarms(monitor, simulate(5000, 0.1, 3)) << '\n';
  }
}

}  // namespace

int main(int count, char** arguments) try {
  run(count > 1 ? arguments[1] : "", count > 2 ? arguments[2] : "");
} catch (const std::exception& error) {
  std::cerr << "monitor: " << error.what() << '\n';
  return 1;
}
