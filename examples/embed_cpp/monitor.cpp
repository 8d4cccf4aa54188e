// Watches a pump by its sensors, and learns on the device what is normal: an autoencoder, trained while the
// pump is healthy, cannot reproduce a reading whose sensors do not fit each other.
//
//   monitor                             all of the below in one go, with a simulated pump
//   monitor simulate > healthy.csv      readings of a healthy pump; `simulate clogged`: of one that clogs
//   monitor train pump.lamina < healthy.csv;  monitor watch pump.lamina < new.csv
#include <array>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <lamina/lamina.hpp>
#include <random>
#include <sstream>

namespace {
using Reading = std::array<float, 5>;  // flow, pressure, current, vibration, temperature

// A pump whose load follows the day; a clogged filter costs flow and raises the pressure.
std::vector<Reading> simulate(std::size_t count, double clogged, std::uint64_t seed) {
  auto noise = [random = std::mt19937_64(seed)]() mutable {  // of mean 0 and variance 1
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) sum += double(random()) * 0x1p-64;
    return sum;
  };
  double walk = 0.0, temperature = 43.0;
  std::vector<Reading> readings;
  for (std::size_t minute = 0; minute < count; ++minute) {
    walk = 0.99 * walk + 0.01 * noise();
    const double load = 0.6 + 0.25 * std::sin(2.0 * 3.14159265 * double(minute) / 1440.0) + walk;
    temperature += 0.02 * (25.0 + 30.0 * load - temperature);
    const auto of = [&](double mean, double spread) { return float(mean + spread * noise()); };
    readings.push_back({of(40.0 * load * (1.0 - clogged), 0.3),
                        of(2.0 + 3.0 * load * load + 2.0 * clogged, 0.03), of(4.0 + 6.0 * load, 0.1),
                        of(1.0 + 2.0 * load * load, 0.1), of(temperature, 0.2)});
  }
  return readings;
}

// The next line of a CSV file; false at its end.
bool read(std::istream& in, Reading& reading) {
  std::string line;
  if (!std::getline(in, line)) return false;
  std::istringstream cells(line);
  for (float& value : reading) {
    if (!(cells >> value)) throw std::runtime_error("expected five numbers, got '" + line + "'");
    cells.ignore();  // the comma
  }
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
    for (std::size_t i = 0; i < 5; ++i) sum += std::pow((reading[i] - expected[i]) / deviations[i], 2.0);
    return sum / 5.0;
  }
};

Monitor train(const std::vector<Reading>& readings) {
  if (readings.empty()) throw std::runtime_error("expected readings to train on, got none");
  const std::span x(readings.front().data(), readings.size() * 5);
  lamina::Sequential net(5,
                         {lamina::Normalization{}, lamina::Dense{16, "tanh"}, lamina::Dense{2},
                          lamina::Dense{16, "tanh"}, lamina::Dense{5}},
                         {.seed = 1, .scale_targets = true});
  const lamina::History history =
      net.fit(x, x,
              {.epochs = 40,
               .optimizer = lamina::Adam{.learning_rate = lamina::CosineSchedule{0.01}},
               .validation_fraction = 0.1,
               .early_stopping = lamina::EarlyStopping{.patience = 10}});
  std::cout << "trained in " << history.epochs() << " epochs to an error of " << history["val_loss"].back()
            << " of 1\n";
  Monitor monitor{std::move(net)};
  std::vector<double> errors;
  for (const Reading& reading : readings) errors.push_back(monitor.error(reading));
  std::ranges::sort(errors);
  monitor.alarm = 1.5 * errors[errors.size() * 999 / 1000];
  return monitor;
}

void save(const Monitor& monitor, const std::string& path) {
  monitor.net.save(path);
  std::ofstream file(path + ".alarm");
  if (!(file << monitor.alarm << '\n')) throw std::runtime_error("cannot write " + path + ".alarm");
}

Monitor load(const std::string& path) {
  Monitor monitor{lamina::Sequential::load(path)};
  std::ifstream file(path + ".alarm");
  if (!(file >> monitor.alarm)) throw std::runtime_error("cannot read " + path + ".alarm");
  return monitor;
}

void run(const std::string& command, const std::string& argument) {
  Reading reading;
  if (command == "simulate") {
    std::cout << std::setprecision(9)
              << "flow,pressure,current,vibration,temperature\n";  // each float as it is
    for (const Reading& r : simulate(11000, argument == "clogged" ? 0.2 : 0.0, 7))
      std::cout << r[0] << ',' << r[1] << ',' << r[2] << ',' << r[3] << ',' << r[4] << '\n';
  } else if (command == "train") {
    std::vector<Reading> readings;
    for (std::cin.ignore(4096, '\n'); read(std::cin, reading);) readings.push_back(reading);
    save(train(readings), argument);
  } else if (command == "watch") {
    const Monitor monitor = load(argument);
    std::cin.ignore(4096, '\n');
    for (int number = 0; read(std::cin, reading); ++number)
      if (const double error = monitor.error(reading); error > monitor.alarm)
        std::cout << "reading " << number << ": error " << error << " > " << monitor.alarm << std::endl;
  } else {
    const std::vector<Reading> learned = simulate(10000, 0.0, 1);
    save(train(learned), "pump.lamina");
    const Monitor monitor = load("pump.lamina");
    Reading low = learned.front(), high = low;  // the range that each sensor has had
    for (const Reading& r : learned)
      for (std::size_t i = 0; i < 5; ++i) low[i] = std::min(low[i], r[i]), high[i] = std::max(high[i], r[i]);
    for (const double clogged : {0.0, 0.2}) {
      std::size_t alarms = 0, outside = 0;
      for (const Reading& r : simulate(5000, clogged, 2)) {
        alarms += monitor.error(r) > monitor.alarm;
        std::size_t within = 0;
        for (std::size_t i = 0; i < 5; ++i) within += low[i] <= r[i] && r[i] <= high[i];
        outside += within < 5;
      }
      std::cout << (clogged > 0.0 ? "clogged filter: " : "healthy pump: ") << alarms
                << " alarms in 5000 readings, " << outside << " by limits on each sensor\n";
    }
  }
}

}  // namespace

int main(int count, char** arguments) try {
  run(count > 1 ? arguments[1] : "", count > 2 ? arguments[2] : "");
} catch (const std::exception& error) {
  std::cerr << "monitor: " << error.what() << '\n';
  return 1;
}
