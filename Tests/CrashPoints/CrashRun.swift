// Many crash points, one seed after the other, on as many threads as are given.
//
// Invariants:
//  * Each seed's points are all of its operations, and no other seed's: the same first seed and number of
//    points give the same points, but for the last seeds where threads end at different times.
//  * The first violation ends the run, with what repeats it.

import Dispatch
import Synchronization

/// Runs crash points of many seeds and counts them.
package struct CrashRun {
    /// A point that broke a promise, and the first promise it broke.
    package struct Failure: Sendable {
        package var seed: UInt64
        package var operation: Int
        package var violation: String

        package init(seed: UInt64, operation: Int, violation: String) {
            self.seed = seed
            self.operation = operation
            self.violation = violation
        }
    }

    /// What all points came to.
    package struct Tally: Sendable {
        /// Power cuts in the middle of an operation; one point may make two.
        package fileprivate(set) var pointCount = 0
        /// Seeds whose every operation was tried.
        package fileprivate(set) var seedCount = 0
        package fileprivate(set) var restCutCount = 0
        package fileprivate(set) var faultCount = 0
        package fileprivate(set) var fullCount = 0
        /// Power cuts by what the log did and what the disk did.
        package fileprivate(set) var cuts: [String: Int] = [:]
        /// Ascending by seed and operation; one at most of each point.
        package fileprivate(set) var failures: [Failure] = []

        fileprivate mutating func add(_ outcome: CrashTrial.Outcome, _ seed: UInt64, _ operation: Int) {
            pointCount += outcome.cuts.count
            restCutCount += outcome.restCutCount
            faultCount += outcome.faultCount
            fullCount += outcome.fullCount
            for cut in outcome.cuts { cuts[cut, default: 0] += 1 }
            if let violation = outcome.violations.first {
                failures.append(Failure(seed: seed, operation: operation, violation: violation))
            }
        }

        /// For people: how often each kind of cut came, and how many there were in all.
        package var text: String {
            var lines = cuts.sorted { $0.key < $1.key }.map { name, count in
                String(repeating: " ", count: max(0, 9 - "\(count)".count)) + "\(count)  \(name)"
            }
            lines.append(
                "\(pointCount) power cuts in the middle of an operation, over \(seedCount) seeds; "
                    + "\(restCutCount) at rest; \(faultCount) failed operations before a cut; "
                    + "\(fullCount) appends that found no room")
            return lines.joined(separator: "\n")
        }
    }

    private struct State {
        var tally = Tally()
        var nextSeed: UInt64
    }

    /// Tries at least `pointCount` points; fewer where one breaks a promise.
    package static func run(pointCount: Int, firstSeed: UInt64, threadCount: Int) -> Tally {
        let state = Mutex(State(nextSeed: firstSeed))
        /// Nil where there are points enough, or a failure.
        @Sendable func nextSeed() -> UInt64? {
            state.withLock { state in
                guard state.tally.pointCount < pointCount, state.tally.failures.isEmpty else { return nil }
                state.nextSeed &+= 1
                return state.nextSeed &- 1
            }
        }
        DispatchQueue.concurrentPerform(iterations: threadCount) { _ in
            while let seed = nextSeed() {
                let trial = CrashTrial(seed: seed)
                var operation = 0
                while let outcome = trial.run(operation) {
                    state.withLock { $0.tally.add(outcome, seed, operation) }
                    operation += 1
                }
                state.withLock { $0.tally.seedCount += 1 }
            }
        }
        var tally = state.withLock { $0.tally }
        tally.failures.sort { ($0.seed, $0.operation) < ($1.seed, $1.operation) }
        return tally
    }
}

extension CrashRun.Failure: CustomStringConvertible {
    /// With the command that makes the same point again.
    package var description: String {
        """
        seed \(seed), operation \(operation): \(violation)
        repeat it: Tools/dev crash --seed \(seed) --operation \(operation)
        """
    }
}
