// Invariants checked: the two at the head of CrashTrial.swift, over many seeds; and that the alarm rings,
// with bugs planted between the log and its disk.
//
// `Tools/dev crash` runs these tests over as many points as it is told:
//     ASSAYLOG_CRASH_POINTS     how many points at least; 2,000 if left out
//     ASSAYLOG_CRASH_SEED       the first seed; 1 if left out
//     ASSAYLOG_CRASH_OPERATION  with a seed: this one point alone

import Disk
import Dispatch
import Glibc
import Simulation
import Synchronization
import Testing

@testable import EventLog

@Suite struct CrashPointTests {
    private static func setting(_ name: String) -> UInt64? {
        getenv("ASSAYLOG_CRASH_" + name).flatMap { UInt64(String(cString: $0)) }
    }

    /// What all points so far came to.
    private struct Tally {
        var nextSeed: UInt64
        var pointCount = 0
        var seedCount = 0
        var restCutCount = 0
        var faultCount = 0
        var cuts: [String: Int] = [:]
        var failures: [(seed: UInt64, operation: Int, violation: String)] = []

        mutating func add(_ outcome: CrashTrial.Outcome, _ seed: UInt64, _ operation: Int) {
            pointCount += outcome.cuts.count
            restCutCount += outcome.restCutCount
            faultCount += outcome.faultCount
            for cut in outcome.cuts { cuts[cut, default: 0] += 1 }
            if let violation = outcome.violations.first { failures.append((seed, operation, violation)) }
        }

        var text: String {
            let lines = cuts.sorted { $0.key < $1.key }.map { name, count in
                String(repeating: " ", count: max(0, 9 - "\(count)".count)) + "\(count)  \(name)"
            }
            return lines.joined(separator: "\n")
        }
    }

    private final class SharedTally: Sendable {
        let tally: Mutex<Tally>

        init(_ firstSeed: UInt64) { tally = Mutex(Tally(nextSeed: firstSeed)) }

        /// Nil where there are points enough, or a failure.
        func nextSeed(_ wanted: Int) -> UInt64? {
            tally.withLock { tally in
                guard tally.pointCount < wanted, tally.failures.isEmpty else { return nil }
                tally.nextSeed &+= 1
                return tally.nextSeed &- 1
            }
        }
    }

    @Test("no crash point loses, doubles or changes what was acknowledged")
    func points() async {
        let wanted = Int(Self.setting("POINTS") ?? 2000)
        let firstSeed = Self.setting("SEED") ?? 1
        if let operation = Self.setting("OPERATION") {
            let outcome = CrashTrial(seed: firstSeed).run(Int(operation))
            print(
                "seed \(firstSeed), operation \(operation): \(outcome.map { "\($0)" } ?? "no such operation")"
            )
            #expect(outcome?.violations == [])
            return
        }
        print("crash points: at least \(wanted), from seed \(firstSeed) on")
        let shared = SharedTally(firstSeed)
        // In every test run one thread, so that other tests go on beside it; by itself all processors.
        let threadCount = Self.setting("POINTS") == nil ? 1 : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        await apart {
            DispatchQueue.concurrentPerform(iterations: threadCount) { _ in
                while let seed = shared.nextSeed(wanted) {
                    let trial = CrashTrial(seed: seed)
                    var operation = 0
                    while let outcome = trial.run(operation) {
                        shared.tally.withLock { $0.add(outcome, seed, operation) }
                        operation += 1
                    }
                    shared.tally.withLock { $0.seedCount += 1 }
                }
            }
        }
        let result = shared.tally.withLock { $0 }
        print(
            """
            \(result.text)
            \(result.pointCount) power cuts in the middle of an operation, over \(result.seedCount) seeds; \
            \(result.restCutCount) at rest; \(result.faultCount) failed operations before a cut
            """)
        for failure in result.failures.sorted(by: { ($0.seed, $0.operation) < ($1.seed, $1.operation) })
            .prefix(5)
        {
            Issue.record(
                """
                seed \(failure.seed), operation \(failure.operation): \(failure.violation)
                repeat it: Tools/dev crash --seed \(failure.seed) --operation \(failure.operation)
                """)
        }
        #expect(result.pointCount >= wanted || !result.failures.isEmpty)
    }

    @Test("a bug between the log and its disk is found by some crash point", arguments: PlantedBug.allCases)
    func plantedBug(bug: PlantedBug) async {
        let isFound = await apart {
            (1..<40 as Range<UInt64>).contains { seed in
                let trial = CrashTrial(seed: seed)
                var operation = 0
                while let outcome = trial.run(operation, through: { bug.planted(before: $0) }) {
                    if !outcome.violations.isEmpty { return true }
                    operation += 1
                }
                return false
            }
        }
        #expect(isFound, "\(bug) is not found")
    }

    /// Does long work on a thread of its own: the few that run tests are for those that wait.
    private func apart<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Self.thread.async { continuation.resume(returning: work()) }
        }
    }

    private static let thread = DispatchQueue(label: "crash points")
}
