// What the schedulers of both generations have in common: one tick after another, until they are told to stop.

/// Looks at what is new and carries out what is due, a bounded piece at a time.
package protocol Scheduler: Actor {
    /// - Returns: whether more is due already.
    @discardableResult
    func tick() async -> Bool
}

extension Scheduler {
    /// From a tick after which nothing is due to the next one.
    private var pause: Duration { .milliseconds(250) }

    /// Runs until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            let isBehind = await tick()
            // What was cut into pieces goes on at once; what comes by the clock can wait for it.
            if isBehind { await Task.yield() } else { try? await Task.sleep(for: pause) }
        }
    }
}
