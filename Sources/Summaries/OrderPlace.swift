// Where an edge that follows the values lies among them, and which chances such places have.
//
// A place is an index into the sorted values, counted from 0, and how far on towards the next one:
//
//     first generation     value number round(n·i/k), counted from 1: an index alone
//     second generation    (n - 1)·(i/k): interpolated linearly between two values
//
// Whatever the continuous distribution, the chances of staying below each of n sorted values are those of n sorted
// uniform numbers: sums of n + 1 spacings that follow a Dirichlet law, drawn as gamma variates over their sum
// (H. A. David and H. N. Nagaraja, Order Statistics, 2003, §2.2 and §6.4). Of a place between two values the part
// of the spacing that lies below it is what its fraction says.
//
// Invariant: levels ascend with their places, and lie in 0 … 1.

struct OrderPlace: Hashable, Comparable, Sendable {
    var index: Int
    /// 0 ..< 1, and 0 where there is no next value.
    var fraction = 0.0

    var position: Double { Double(index) + fraction }

    init(_ index: Int) { self.index = index }

    /// Of the quantile number `position` of `binCount`, interpolated among `count` values.
    init(quantile position: Int, of binCount: Int, among count: Int) {
        let place = Double(count - 1) * (Double(position) / Double(binCount))
        index = Int(place.rounded(.down))
        if index + 1 < count { fraction = place - Double(index) }
    }

    static func < (left: OrderPlace, right: OrderPlace) -> Bool {
        (left.index, left.fraction) < (right.index, right.fraction)
    }

    /// The places of all k + 1 quantile edges of the first generation.
    static func ranks(_ numBins: Int, of count: Int) -> [OrderPlace] {
        [OrderPlace(0)]
            + (1...numBins).map { OrderPlace(BinEdges.rank($0, of: numBins, among: count) - 1) }
    }
}

extension NoiseVariates {
    /// The chances of staying below `places`, which ascend, of `count` sorted values.
    ///
    /// The index -1 stands for what is below all values: its level is 0.
    mutating func levels(at places: [OrderPlace], of count: Int) -> [Double] {
        var below = 0.0
        /// Up to which value spacings are added.
        var reached = -1
        /// The spacing behind that value, where a fraction has asked for it.
        var next: Double?
        var levels: [Double] = []
        levels.reserveCapacity(places.count)
        for place in places {
            if place.index > reached {
                if let spacing = next {
                    below += spacing
                    reached += 1
                    next = nil
                }
                below += gamma(shape: place.index - reached)
                reached = place.index
            }
            guard place.fraction > 0 else {
                levels.append(below)
                continue
            }
            let spacing = next ?? gamma(shape: 1)
            next = spacing
            levels.append(below + spacing * place.fraction)
        }
        let rest = gamma(shape: count - reached - (next == nil ? 0 : 1))
        let total = below + (next ?? 0) + rest
        for position in levels.indices { levels[position] /= total }
        return levels
    }
}
