// What answers about records say in their headers: where they ended, and what they are without.

import Bytes
import HTTPTypes
import Hummingbird
import JSON
import Queries

extension Response {
    /// Parts that the header names one by one; past them, only how many there are.
    private static let namedPartCountMax = 16

    /// Says in the headers what the answer is without.
    mutating func note(_ unseen: [UnseenPart]) {
        guard !unseen.isEmpty else { return }
        headers[.unseenCount] = String(unseen.count)
        let named = JSONValue.array(unseen.prefix(Response.namedPartCountMax).map(\.json))
        headers[.unseen] = named.text.escapedForHeader
    }
}

extension String {
    /// JSON of ASCII alone: names beyond it do not survive every client's reading of headers.
    var escapedForHeader: String {
        var text = ""
        for unit in utf16 {
            if unit < 0x80 {
                text.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            } else {
                text += "\\u" + unit.hexDigits
            }
        }
        return text
    }
}

extension HTTPField.Name {
    /// Where a page ended and where the next one starts.
    static let iterationStatus = HTTPField.Name("x-iteration-status")!
    /// What to send for the next page.
    static let iterationCursor = HTTPField.Name("x-iteration-cursor")!
    /// The same for pages by address, whose contract has a status of its own.
    static let pageToken = HTTPField.Name("x-page-token")!
    /// How many damaged parts an answer is without, and which.
    static let unseenCount = HTTPField.Name("x-unseen-parts")!
    static let unseen = HTTPField.Name("x-unseen")!
}
