// What of an unsynced disk is there again after a power cut: none of it, all, or what a seed says.

import Simulation

/// What survives a power cut, as a crash asks for it.
package enum Survival: CustomStringConvertible, Sendable {
    case nothing
    case everything
    case seeded(UInt64)

    package var description: String {
        switch self {
        case .nothing: "nothing unsynced survives"
        case .everything: "everything unsynced survives"
        case .seeded(let seed): "seed \(seed)"
        }
    }

    package func choose() -> (ClosedRange<Int>) -> Int {
        switch self {
        case .nothing: return { $0.lowerBound }
        case .everything: return { $0.upperBound }
        case .seeded(let seed):
            let source = Source(seed)
            return { Int.random(in: $0, using: &source.generator) }
        }
    }

    private final class Source {
        var generator: SeededGenerator
        init(_ seed: UInt64) { generator = SeededGenerator(seed: seed) }
    }
}
