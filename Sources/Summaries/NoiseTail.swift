// How values go on beyond the outermost inner edge of a baseline, out to its extreme and past it.
//
// A summary says of a tail where it begins (an inner edge, the anchor), its extreme, and of all values their mean
// and deviation. In between the shape is that of a generalised Pareto law, which tails tend to (J. Pickands,
// Statistical inference using extreme order statistics, Ann. Statist. 3, 1975). With p the share of the tail's
// values that lie further out, values stand from the anchor in proportion to
//
//     h(p) = (p^-ξ - 1) / ξ, -ln p for ξ = 0      ξ -1 uniform, 0 exponential, above 0 heavy; a normal one -0.2 to -0.1
//
// Powers are taken of quarters only, so that square roots do: ξ is -1, -3/4 … 1/2, and between two neighbours their h
// are mixed. Shapes are counted from 0 (ξ -1) to 6 (ξ 1/2), in fractions. Beyond 1/2 the deviation of a tail has no
// bound, and its mean is drawn too unevenly.
//
// Two tails have two shapes, and mean and deviation are two equations: `NoiseTails` takes those shapes that come
// nearest to both, on a grid of quarters, exponential ones where nothing is said (few values, or none between).
//
// How likely a value is to lie beyond the extreme is drawn (OrderPlace.swift): an extreme is known to lie far out, not how
// rare it is. What the values of a tail say is kept, which is their mean: the rarer the extreme is in a
// replicate, the lighter is its tail. One shape for all replicates makes the scale follow the extreme, by a quarter up or
// down in an exponential tail, and twelve of a hundred windows then lay above the line.
//
// Invariants:
//  * h falls from the extreme to the anchor, where it is 0.
//  * Only operations that have one answer on every machine: + - · / √ and this room's logarithm.

/// The shapes of tails.
enum TailShape {
    /// The heaviest shape.
    static let last = 6
    /// Exponential.
    static let usual = 4.0
    /// Tails whose extreme is no rarer than this have no shape to speak of.
    private static let rarityMax = 0.9

    static func xi(_ index: Int) -> Double { Double(index) / 4 - 1 }

    /// h of a whole shape.
    static func height(_ p: Double, index: Int) -> Double {
        switch index {
        case 0: return 1 - p
        case 1:
            let root = p.squareRoot()
            return (1 - root * root.squareRoot()) * (4.0 / 3)
        case 2: return (1 - p.squareRoot()) * 2
        case 3: return (1 - p.squareRoot().squareRoot()) * 4
        case 4: return -NaturalLogarithm.of(p)
        case 5: return (1 / p.squareRoot().squareRoot() - 1) * 4
        default: return (1 / p.squareRoot() - 1) * 2
        }
    }

    /// h of any shape.
    static func height(_ p: Double, _ shape: Double) -> Double {
        let index = min(Int(shape), last - 1)
        let part = shape - Double(index)
        return (1 - part) * height(p, index: index) + part * height(p, index: index + 1)
    }

    /// The mean of h between the anchor and the extreme, which `rarity` of the tail lies beyond.
    ///
    /// ∫ h = p·h - ∫ p·h' = p·h + ∫ (1 + ξ·h), since p·h' = -(1 + ξ·h).
    static func mean(_ height: Double, index: Int, rarity: Double) -> Double {
        (1 - height * rarity / (1 - rarity)) / (1 - xi(index))
    }

    /// The shape whose values, between an anchor and an extreme of this rarity, stand on the average at `share` of
    /// the way; the nearest there is.
    static func shape(share: Double, rarity: Double) -> Double {
        let rarity = min(rarity, rarityMax)
        // Heavier shapes keep nearer to the anchor: what is too much of the way falls from one to the next.
        var before = 0.0
        for index in 0...last {
            let reach = height(rarity, index: index)
            let excess = mean(reach, index: index, rarity: rarity) - share * reach
            if excess <= 0 { return index == 0 ? 0 : Double(index - 1) + before / (before - excess) }
            before = excess
        }
        return Double(last)
    }

    /// Where values between anchor and extreme stand on the average, as a share of the way, and the mean of its
    /// square; for each shape on the grid.
    static func moments(rarity: Double) -> [(share: Double, square: Double)] {
        let rarity = min(rarity, rarityMax)
        let width = 1 - rarity
        let heights = (0...last).map { height(rarity, index: $0) }
        let integrals = (0...last).map { mean(heights[$0], index: $0, rarity: rarity) * width }
        /// ∫ of the product of two h, by parts as above; of the heaviest with itself term by term.
        func product(_ first: Int, _ second: Int) -> Double {
            if first == last, second == last {
                let ofRoots = 4 * (1 - rarity.squareRoot())
                return 4 * (width - NaturalLogarithm.of(rarity) - ofRoots)
            }
            let outer = rarity * heights[first] * heights[second]
            return (integrals[first] + integrals[second] - outer) / (1 - xi(first) - xi(second))
        }
        return NoiseTails.grid.map { shape in
            let index = min(Int(shape), last - 1)
            let (part, rest) = (shape - Double(index), 1 - shape + Double(index))
            let scale = rest * heights[index] + part * heights[index + 1]
            let integral = rest * integrals[index] + part * integrals[index + 1]
            let both = 2 * rest * part * product(index, index + 1)
            let each = rest * rest * product(index, index) + part * part * product(index + 1, index + 1)
            return (integral / width / scale, (each + both) / width / scale / scale)
        }
    }
}

/// A value of a baseline that is known, and its place among the others.
struct NoiseKnot: Sendable {
    let place: OrderPlace
    let value: Double
}

/// Both tails of a baseline, as its summary lets them be known.
struct NoiseTails: Sendable {
    struct Tail: Sendable {
        /// Which knot it begins at.
        var anchor: Int
        /// Where its values stand on the average, as a share of the way from the anchor to the extreme.
        var share: Double
    }

    let lower: Tail
    let upper: Tail

    static let grid = (0...4 * TailShape.last).map { Double($0) / 4 }
    /// What a shape's distance from the usual one weighs against a wrong mean or deviation, in a sample of one: about
    /// what chance makes of these.
    private static let reluctance = 0.005

    /// Of a baseline of `count` values, of which the first `missingCount` are no numbers; `knots` ascend from the
    /// least number to the greatest, and there are at least two.
    init(_ knots: [NoiseKnot], of count: Int, missingCount: Int, mean: Double?, deviation: Double?) {
        let last = knots.count - 1
        guard last >= 2 else {
            // Two values and nothing between: along the straight line through them. No shape has so great a share.
            (lower, upper) = (Tail(anchor: 1, share: .infinity), Tail(anchor: 0, share: .infinity))
            return
        }
        let (first, end) = (Double(missingCount), Double(count - 1))
        let places = knots.map(\.place.position)
        // A fifth of the values, but where they are few rather the half of them: of three nothing can be learnt.
        let size = Double(count - missingCount)
        let needed = max(size / 5, min(8, size / 2))
        var low = (1..<last).first(where: { places[$0] - first + 1 >= needed }) ?? last - 1
        var high = (1..<last).last(where: { end - places[$0] + 1 >= needed }) ?? 1
        if low > high {
            func fromMiddle(_ knot: Int) -> Double { (2 * places[knot] - first - end).magnitude }
            if fromMiddle(high) < fromMiddle(low) { low = high } else { high = low }
        }
        let below = TailShape.moments(rarity: 1 / (places[low] - first + 1))
        let above = TailShape.moments(rarity: 1 / (end - places[high] + 1))

        var best = (lower: Int(4 * TailShape.usual), upper: Int(4 * TailShape.usual))
        if let mean, let deviation, deviation > 0 {
            let values = knots.map { ($0.value - mean) / deviation }
            var (sum, squares) = (0.0, 0.0)
            func add(_ count: Double, _ mean: Double, _ square: Double) {
                sum += count * mean
                squares += count * square
            }
            for knot in [0] + Array(low...high) + [last] { add(1, values[knot], values[knot] * values[knot]) }
            for knot in low..<high {
                let (middle, width) = (
                    (values[knot] + values[knot + 1]) / 2, values[knot + 1] - values[knot]
                )
                add(
                    max(0, places[knot + 1] - places[knot] - 1), middle,
                    middle * middle + width * width / 12)
            }
            func parts(
                _ moments: [(share: Double, square: Double)], anchor: Double, extreme: Double, _ count: Double
            ) -> [(sum: Double, squares: Double)] {
                let way = extreme - anchor
                return moments.map { moment in
                    let mixed = 2 * anchor * way * moment.share
                    let square = anchor * anchor + mixed + way * way * moment.square
                    return (count * (anchor + way * moment.share), count * square)
                }
            }
            let lowerParts = parts(
                below, anchor: values[low], extreme: values[0], max(0, places[low] - first - 1))
            let upperParts = parts(
                above, anchor: values[high], extreme: values[last], max(0, end - places[high] - 1))
            let farness = Self.grid.map { shape in
                Self.reluctance / size * (shape - TailShape.usual) * (shape - TailShape.usual)
            }
            var least = Double.infinity
            for (left, lowerPart) in lowerParts.enumerated() {
                for (right, upperPart) in upperParts.enumerated() {
                    let ofMean = (sum + lowerPart.sum + upperPart.sum) / size
                    let ofSquares = (squares + lowerPart.squares + upperPart.squares) / size - 1
                    let misfit =
                        ofMean * ofMean + ofSquares * ofSquares + farness[left] + farness[right]
                    // False for what is no number: then the usual shapes stay.
                    if misfit < least {
                        least = misfit
                        best = (left, right)
                    }
                }
            }
        }
        lower = Tail(anchor: low, share: below[best.lower].share)
        upper = Tail(anchor: high, share: above[best.upper].share)
    }
}

/// A tail of one replicate, in which its chances are known.
struct DrawnTail {
    private let shape: Double
    private let anchorChance: Double
    private let extremeChance: Double
    private let extreme: Double
    private let extremeHeight: Double
    /// How far a unit of height goes, past the extreme and within.
    private let outward: Double
    private let inner: Double
    private let innerHeight: Double
    private let inward: Double

    /// The least chance that is told from none.
    private static let chanceMin = 0x1p-53

    /// A knot's value, and the chance of a value further out.
    typealias Point = (value: Double, chance: Double)

    /// `inner` is the knot next to the extreme, which the tail passes through; it may be the anchor.
    init(_ tail: NoiseTails.Tail, extreme: Point, inner: Point, anchor: Point) {
        anchorChance = max(anchor.chance, Self.chanceMin)
        extremeChance = max(extreme.chance, Self.chanceMin)
        self.extreme = extreme.value
        self.inner = inner.value
        shape = TailShape.shape(share: tail.share, rarity: extremeChance / anchorChance)
        extremeHeight = TailShape.height(extremeChance / anchorChance, shape)
        innerHeight = TailShape.height(max(inner.chance, Self.chanceMin) / anchorChance, shape)
        outward = (extreme.value - anchor.value) / extremeHeight
        inward = (extreme.value - inner.value) / (extremeHeight - innerHeight)
    }

    /// The value that `chance` of all values lie beyond.
    func value(_ chance: Double) -> Double {
        let height = TailShape.height(max(chance, Self.chanceMin) / anchorChance, shape)
        return chance < extremeChance
            ? extreme + (height - extremeHeight) * outward : inner + (height - innerHeight) * inward
    }
}
