// Which decimal number stands for a floating-point value: the last step of ShortestSingle and
// ShortestDouble, which differ in how wide their integers are.
//
// Raffaello Giulietti, The Schubfach way to render doubles (2020).

/// The numbers that round to a value, scaled by one power of ten, in quarters of a unit of the last digit.
struct DecimalInterval<Digits: FixedWidthInteger & UnsignedInteger> {
    var low: Digits
    /// The value itself.
    var here: Digits
    var high: Digits

    /// The fewest digits inside the interval, and of those the nearest to the value.
    ///
    /// - Parameter scale: the exponent of ten of a unit.
    @inline(__always)
    func shortest(scale: Int) -> (digits: Digits, exponent: Int) {
        let unit = here / 4
        if unit >= 10 {
            // One digit less: at most one such number can lie in the interval.
            let short = unit / 10
            let lowerIsInside = low <= 40 * short
            let upperIsInside = 40 * short + 40 <= high
            if lowerIsInside != upperIsInside { return (short + (upperIsInside ? 1 : 0), scale + 1) }
        }
        let lowerIsInside = low <= 4 * unit
        let upperIsInside = 4 * unit + 4 <= high
        if lowerIsInside != upperIsInside { return (unit + (upperIsInside ? 1 : 0), scale) }
        let middle = 4 * unit + 2
        let roundsUp = here > middle || (here == middle && unit & 1 == 1)
        return (unit + (roundsUp ? 1 : 0), scale)
    }
}
