// Values by the number of their assay, in pages: a copy shares every page that neither it nor the other
// changed since. The book is copied for each question and changed with each commit; with ten thousand assays
// in one dictionary, deciding about one of them would copy all.
//
// Invariant: it is a dictionary, but for its cost.

import Records

/// A dictionary by number of an assay whose copies share pages; `values` come in no order.
package struct PagedTable<Value: Hashable & Sendable>: Hashable, Sendable {
    private var pages: [Int: [AssayID: Value]] = [:]
    private(set) var count = 0

    package init() {}

    /// Numbers that share a page: deciding about one assay copies so many, and finding a page stays cheap.
    private static var idCountEach: Int { 32 }

    private static func page(of id: AssayID) -> Int { id.number / idCountEach }

    package subscript(id: AssayID) -> Value? { pages[Self.page(of: id)]?[id] }

    /// Takes the place of what was there.
    package mutating func insert(_ value: Value, _ id: AssayID) {
        if pages[Self.page(of: id), default: [:]].updateValue(value, forKey: id) == nil { count += 1 }
    }

    /// Changes the value of an assay in its place; passes over one that is not there, copying nothing.
    package mutating func change(_ id: AssayID, _ body: (inout Value) -> Void) {
        guard self[id] != nil else { return }
        body(&pages[Self.page(of: id)]![id]!)
    }

    var values: some Sequence<Value> { pages.values.lazy.flatMap(\.values) }
}
