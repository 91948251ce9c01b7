// Reading lists of a request: numbers, texts, and numbers of which some are null.
//
// Invariant: what is refused is named with its place in the list, as `weights[2]`.

import JSON

extension JSONField {
    func doubles() throws(FieldError) -> [Double] {
        var numbers: [Double] = []
        for element in try array() { numbers.append(try element.double()) }
        return numbers
    }

    /// Numbers, null where one is missing.
    func optionalDoubles() throws(FieldError) -> [Double?] {
        var numbers: [Double?] = []
        for element in try array() { numbers.append(try element.optional?.double()) }
        return numbers
    }

    func strings() throws(FieldError) -> [String] {
        var texts: [String] = []
        for element in try array() { texts.append(try element.string()) }
        return texts
    }

    /// Numbers, null where one is missing; at least one, or `need` says why.
    package func series(_ need: String) throws(FieldError) -> [Double?] {
        let numbers = try optionalDoubles()
        guard numbers.contains(where: { $0 != nil }) else {
            throw refused("holds no number; \(need)")
        }
        return numbers
    }
}
