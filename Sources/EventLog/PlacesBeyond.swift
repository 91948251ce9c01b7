// Room beyond a bound for requests that find none within it, so that no flood of smaller ones keeps a larger one
// out for ever.
//
//     within the bound   1 1 1 1 1 1 …             full, and filled again by whoever comes first
//     beyond it          [1/64…1/32] [1/32…1/16] [1/16…1/8] [1/8…]     one place a size, in shares of the bound
//
// A place is for requests of one size, up to twice the least: smaller ones, which come more often, do not take it.
// To keep one free for whoever was refused would need to know whether it comes back.
//
// Invariants:
//  * Smaller requests than a place is for do not take it: one of more than a sixty-fourth of the bound competes
//    for a place with those of less than twice or more than half its size, one of more than an eighth with all
//    of more than an eighth.
//  * All places but the last together hold less than a quarter of the bound; what the last one holds is bounded
//    by whoever lets it in.

/// The places beyond one bound, and who has them.
package struct PlacesBeyond: Sendable {
    /// Whose requests one place is for.
    package struct Place: Hashable, Sendable {
        fileprivate let number: Int
    }

    private static let count = 4

    private let byteCountMax: Int
    /// What each place holds; nil where it is free.
    private var byteCounts = [Int?](repeating: nil, count: Self.count)

    /// - Parameter byteCountMax: the bound.
    package init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    /// What all places hold.
    package var byteCount: Int { byteCounts.reduce(0) { $0 + ($1 ?? 0) } }

    /// Takes the place for a request of `size` bytes; nil where another one has it, or none is for so few.
    package mutating func take(_ size: Int) -> Place? {
        guard let place = place(for: size), byteCounts[place.number] == nil else { return nil }
        byteCounts[place.number] = size
        return place
    }

    /// Makes a request that has a place one of `size` bytes; nil where it is to move to a place that another one
    /// has. Then nothing changes.
    package mutating func grow(_ place: Place, to size: Int) -> Place? {
        guard let next = self.place(for: size), next == place || byteCounts[next.number] == nil else {
            return nil
        }
        byteCounts[place.number] = nil
        byteCounts[next.number] = size
        return next
    }

    /// Frees a place: once for each that was taken, as another request may have it since.
    package mutating func giveBack(_ place: Place) { byteCounts[place.number] = nil }

    /// Nil for a sixty-fourth of the bound and less.
    private func place(for size: Int) -> Place? {
        for number in (0..<Self.count).reversed() where size > byteCountMax >> (6 - number) {
            return Place(number: number)
        }
        return nil
    }
}
