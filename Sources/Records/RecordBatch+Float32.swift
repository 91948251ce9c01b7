// Numbers that came as text, in a field that holds float32: which float32 each of them is.
//
// The text 0.99300325 is the shortest of a float32 and the shortest of a double, and the two are not
// the same number. Where a field is known to hold float32 (its model says so, or somebody declared
// it), the float32 is meant: so records that were exported as JSON and appended again have the same
// values, and the same drift scores, as before. A number that no float32 prints (12 digits, say) is
// not one, and stays the double that it is.
//
// Invariants:
//  * What a number becomes depends on its own value alone, not on the batch it came in.
//  * Every number keeps the text in which it was posted.
//  * A number that is a float32 already does not change.

import Bytes

extension RecordBatch {
    /// Reads the numbers of the named fields as float32, wherever they are.
    package mutating func readAsFloat32(_ names: Set<ExactText>) {
        for position in fields.indices where names.contains(ExactText(fields[position].name)) {
            fields[position].values.readAsFloat32()
        }
    }
}

extension FieldValues {
    fileprivate mutating func readAsFloat32() {
        switch self {
        case .none, .json: break
        case .scalar(var leaf):
            leaf.readAsFloat32()
            self = .scalar(leaf)
        case .fixedList(var leaves):
            for position in leaves.indices { leaves[position].readAsFloat32() }
            self = .fixedList(leaves)
        case .list(let lengths, var leaf):
            leaf.readAsFloat32()
            self = .list(lengths: lengths, leaf)
        }
    }
}

extension Leaf {
    /// Whole numbers in an int64 leaf need no reading: as doubles they are what they are as float32.
    fileprivate mutating func readAsFloat32() {
        guard case .float64(let doubles) = elements else { return }
        let readings = doubles.map { Float32Reading($0) }
        // As doubles where some are none, or where the texts to keep would cost more than is saved.
        if readings.allSatisfy({ $0.float != nil }) {
            let floats = readings.map { $0.float ?? 0 }
            let texts = texts(of: doubles, as: floats, readings)
            if texts.count <= doubles.count / 4 {
                elements = .float32(floats)
                self.texts = texts
                return
            }
        }
        let values = zip(doubles, readings).map { $1.float.map { Double($0) } ?? $0 }
        texts = texts(of: doubles, as: values, readings)
        elements = .float64(values)
    }

    /// The texts to keep when `doubles`, as which the numbers were read, become `values`.
    private func texts<Number: PrintedNumber>(
        of doubles: [Double], as values: [Number], _ readings: [Float32Reading]
    ) -> [NumberText] {
        let becomeFloats = Number.self == Float.self
        var kept = texts[...]
        var nulls = nulls[...]
        var result: [NumberText] = []
        for position in doubles.indices {
            if nulls.first == Int32(position) {
                nulls.removeFirst()
                continue
            }
            let posted: String
            if kept.first?.position == Int32(position) {
                posted = kept.removeFirst().text
            } else if becomeFloats ? readings[position].printsAlike : readings[position].float == nil {
                continue
            } else {
                posted = doubles[position].canonicalText(bare: wholeNumbersAreBare)
            }
            if posted != values[position].canonicalText(bare: wholeNumbersAreBare) {
                result.append(NumberText(position: Int32(position), text: posted))
            }
        }
        return result
    }
}

/// What a number, read as a double, is in a field of float32.
private struct Float32Reading {
    /// The float32 whose shortest text denotes the number, or which is the number exactly; nil where
    /// there is none.
    let float: Float?
    /// Whether the two surely print the same text: the same digits, without an exponent.
    let printsAlike: Bool

    init(_ value: Double) {
        let float = Float(value)
        // Two decimals of up to 15 digits are two doubles: a float32's nine are the double's own.
        let hasItsDigits = Digits.mayBeNine(value) && Double(float.description) == value
        self.float = float.isFinite && (hasItsDigits || Double(float) == value) ? float : nil
        printsAlike = hasItsDigits && (1e-4..<1e7).contains(value.magnitude)
    }
}

/// How many digits a decimal has: the shortest text of a float32 has nine at the most.
private enum Digits {
    /// 10^-64 to 10^64, each the nearest double.
    private static let powers: [Double] = (-64...64).map { Double("1e\($0)")! }

    /// False only where `value` has more than nine significant digits: spares most decimals that
    /// are no float32 the printing that would tell.
    static func mayBeNine(_ value: Double) -> Bool {
        let magnitude = value.magnitude
        // 0.30103 is log10(2): the decimal exponent, or one less.
        let exponent = Int((Double(magnitude.exponent) * 0.301_03).rounded(.down))
        guard (-55...55).contains(exponent) else { return false }
        var scaled = magnitude * powers[64 + 8 - exponent]
        if scaled >= 1e9 { scaled /= 10 }
        // Each operation errs by 2^-53 of at most 10^10.
        return (scaled - scaled.rounded()).magnitude < 1e-4
    }
}
