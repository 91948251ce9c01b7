// Cuts the power of a simulated disk at many points of a log's work, and checks what is left: the tests'
// crash points in a number that only an optimised build gets through. `Tools/dev crash` runs it.
//
//     Simulate POINTS SEED [OPERATION]     with OPERATION: this one point alone

import CrashPoints
import Glibc

@main
enum Simulate {
    static func main() {
        let numbers = CommandLine.arguments.dropFirst().map { UInt64($0) }
        guard (2...3).contains(numbers.count), let points = numbers[0], let seed = numbers[1] else {
            print("Simulate takes a number of points, a seed and perhaps an operation")
            exit(2)
        }
        if numbers.count == 3 {
            guard let operation = numbers[2], let outcome = CrashTrial(seed: seed).run(Int(operation)) else {
                print("the history of seed \(seed) has no such operation")
                exit(2)
            }
            print("seed \(seed), operation \(operation): \(outcome)")
            exit(outcome.violations.isEmpty ? 0 : 1)
        }
        let tally = CrashRun.run(
            pointCount: Int(points), firstSeed: seed,
            threadCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        print(tally.text)
        for failure in tally.failures.prefix(5) { print(failure) }
        exit(tally.failures.isEmpty ? 0 : 1)
    }
}
