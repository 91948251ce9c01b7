// How the shares of neighbouring bins go together, where their edges follow from no value.
//
// An edge that lies anywhere between two values says nothing of the mass on its two sides. Where bins hold many
// values each, their counts say it; where they hold few or none, a bin's neighbours say more than its own count:
// a bin without values is mostly as likely as the ones around it. So the shares are drawn with both:
//
//     all k bins are halved, the halves are, and so on to single bins: a Pólya tree (R. D. Mauldin, W. D. Sudderth and
//     S. C. Williams, Polya trees and random distributions, Ann. Statist. 20, 1992). Of what `width` bins hold, the part
//     that falls into their lower half follows a beta law, of the counts of both halves and of what evenness adds to
//     them, to each in proportion to its bins:
//
//         evenness · (k / width)², at least 1/2 on either side
//
// Where a density has no steps, the halves of a span half as wide differ half as much; so what pulls them together
// goes with the inverse square of the width.
//
// How even values are is asked of their counts: the evenness of 16, 4, 1 … 4^-13 under which the counts of halves differ
// most nearly as much as they should, by the likelihood of normal numbers of the variances that counts have:
// of c values c·p·q·(c + a)/(1 + a), where a is what evenness adds. None at all is one of the answers: values that
// crowd in few of many bins (whole numbers, one number again and again), whose counts alone say where the next one falls.
// Then there is no such tree.
//
// Where both sides of a beta law are large, a normal number of its mean and variance stands for it.
//
// Invariants:
//  * The shares of all bins are 0 or more, and add up to the mass that is spread, but for rounding.
//  * Only operations that have one answer on every machine: + - · / √ and this room's logarithm.

/// Bins that a mass is spread over, as their counts and what is even about them say.
struct NoiseEvenness {
    /// The values below each bin, and below the end.
    private let sums: [Int]
    private let evenness: Double

    /// How far apart evennesses that are tried are, and the lowest one is from the highest.
    private static let evennessFactor = 4.0
    private static let evennessMax = 16.0
    private static let evennessCount = 16
    /// Beta laws of two such shapes are next to normal: their skewness is below an eighth.
    private static let normalShapeMin = 256.0

    /// Nil where the counts alone say more.
    init?(_ counts: ArraySlice<Int>) {
        var sums = [0]
        sums.reserveCapacity(counts.count + 1)
        for count in counts { sums.append(sums[sums.count - 1] + count) }
        self.sums = sums
        let bins = 0..<counts.count
        var (least, found, tried) = (Double.infinity, Self.evennessMax, Self.evennessMax)
        for _ in 0..<Self.evennessCount {
            let misfit = Self.misfit(sums, bins, evenness: tried)
            if misfit < least { (least, found) = (misfit, tried) }
            tried /= Self.evennessFactor
        }
        if Self.misfit(sums, bins, evenness: nil) < least { return nil }
        evenness = found
    }

    /// Spreads `mass` over all bins, into `shares`.
    func spread(
        _ mass: Double, into shares: UnsafeMutableBufferPointer<Double>, from variates: inout NoiseVariates
    ) {
        spread(mass, 0..<sums.count - 1, shares, &variates)
    }

    private func spread(
        _ mass: Double, _ bins: Range<Int>, _ shares: UnsafeMutableBufferPointer<Double>,
        _ variates: inout NoiseVariates
    ) {
        guard bins.count > 1 else {
            if let bin = bins.first { shares[bin] = mass }
            return
        }
        let middle = bins.lowerBound + bins.count / 2
        let pull = Self.pull(bins, middle, of: sums.count - 1, evenness)
        let lower = Double(sums[middle] - sums[bins.lowerBound]) + pull.lower
        let upper = Double(sums[bins.upperBound] - sums[middle]) + pull.upper
        var part: Double
        if lower >= Self.normalShapeMin, upper >= Self.normalShapeMin {
            let both = lower + upper
            part = (lower + (lower * upper / (both + 1)).squareRoot() * variates.normal()) / both
            part = min(1, max(0, part))
        } else {
            let drawn = variates.gamma(halfOrMore: lower)
            part = drawn / (drawn + variates.gamma(halfOrMore: upper))
        }
        spread(mass * part, bins.lowerBound..<middle, shares, &variates)
        spread(mass * (1 - part), middle..<bins.upperBound, shares, &variates)
    }

    /// What evenness adds to the counts of two halves.
    private static func pull(
        _ bins: Range<Int>, _ middle: Int, of binCount: Int, _ evenness: Double
    ) -> (lower: Double, upper: Double) {
        let width = Double(bins.count)
        let ratio = Double(binCount) / width
        let all = evenness * ratio * ratio
        func side(_ count: Int) -> Double {
            let shape = all * Double(count) / width
            return shape < 1 ? 0.5 : shape
        }
        return (side(middle - bins.lowerBound), side(bins.upperBound - middle))
    }

    /// How badly the counts of halves fit: -2 times a logarithm of likelihood, but for what is the same under all.
    private static func misfit(_ sums: [Int], _ bins: Range<Int>, evenness: Double?) -> Double {
        guard bins.count > 1 else { return 0 }
        let total = Double(sums[bins.upperBound] - sums[bins.lowerBound])
        // A single value falls on one side or the other, under all of them.
        guard total > 1 else { return 0 }
        let middle = bins.lowerBound + bins.count / 2
        var (chance, added) = (0.5, 0.0)
        if let evenness {
            let pull = Self.pull(bins, middle, of: sums.count - 1, evenness)
            added = pull.lower + pull.upper
            chance = pull.lower / added
        }
        let difference = Double(sums[middle] - sums[bins.lowerBound]) - total * chance
        let square = difference * difference / (total * chance * (1 - chance))
        let expected = (total + added) / (1 + added)
        return NaturalLogarithm.of(expected) + square / expected
            + misfit(sums, bins.lowerBound..<middle, evenness: evenness)
            + misfit(sums, middle..<bins.upperBound, evenness: evenness)
    }
}
