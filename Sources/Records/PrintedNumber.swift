// The text that a number has where none is kept beside it.

import JSON

/// A number that has a canonical text.
protocol PrintedNumber {
    /// The shortest text that reads back as this number, whole ones with ".0" unless `bare`; "null"
    /// where it is not finite.
    func canonicalText(bare: Bool) -> String
}

extension PrintedNumber {
    /// Whether it is written with or without ".0".
    var hasTwoForms: Bool { canonicalText(bare: false) != canonicalText(bare: true) }
}

extension Double: PrintedNumber {
    func canonicalText(bare: Bool) -> String {
        guard isFinite else { return "null" }
        var text: [UInt8] = []
        JSONNumberText.append(self, bare: bare, to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}

extension Float: PrintedNumber {
    func canonicalText(bare: Bool) -> String {
        guard isFinite else { return "null" }
        var text: [UInt8] = []
        JSONNumberText.append(self, bare: bare, to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
