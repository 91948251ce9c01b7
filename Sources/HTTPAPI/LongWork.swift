// Threads for work that takes long: runs, previews, summaries, and what the schedulers do.
//
//     health, appends, windows, pages   the language's own threads, as many as processors
//     runs, previews, large documents   ─┐ threads of their own: the system shares the processors
//     schedulers                        ─┘ between all of them
//
// A task that computes for seconds holds its thread for seconds. As many of those as there are processors
// would leave nobody to answer a health check, take a record or end a connection. A queue of the system's
// would not do: its threads are the same that the language has, and no more of them.
//
// Invariants:
//  * Jobs begin in the order in which they came.
//  * The threads are as many as processors, begin with the first job, and wait without turning.

import Dispatch
import Foundation
import Synchronization

final class LongWork: TaskExecutor {
    /// For requests.
    static let requests = LongWork("assaylog requests")
    /// For what is done by the clock: no request holds it up.
    static let schedulers = LongWork("assaylog schedulers")

    private struct State {
        var isRunning = false
        /// The next is the last.
        var jobs: [UnownedJob] = []
        var arrived: [UnownedJob] = []

        mutating func next() -> UnownedJob? {
            if jobs.isEmpty { (jobs, arrived) = (arrived.reversed(), []) }
            return jobs.popLast()
        }
    }

    private let name: String
    private let state = Mutex(State())
    private let arrivals = DispatchSemaphore(value: 0)

    private init(_ name: String) { self.name = name }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isFirst = state.withLock { state in
            state.arrived.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if isFirst { start() }
        arrivals.signal()
    }

    private func start() {
        for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
            let thread = Thread { [self] in
                while true {
                    arrivals.wait()
                    guard let job = state.withLock({ $0.next() }) else { continue }
                    job.runSynchronously(on: asUnownedTaskExecutor())
                }
            }
            thread.name = name
            thread.start()
        }
    }
}
