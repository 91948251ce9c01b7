// Invariants checked: the four at the head of IOPath.swift, in that order.

import Bytes
import Records
import Testing

struct IOPathTests {
    @Test(
        "a path says its direction, field and element",
        arguments: [
            ("output dense_1 0", IOPath.Direction.output, "dense_1", 0, "out.dense_1"),
            ("input tensor 3", .input, "tensor", 3, "in.tensor"),
            ("OUTPUT  dense_1\t00", .output, "dense_1", 0, "out.dense_1"),
            (" input house price 2 ", .input, "house price", 2, "in.house price"),
            ("output 5 0", .output, "5", 0, "out.5"),
            ("out.dense_1.0", .output, "dense_1", 0, "out.dense_1"),
            ("in.nested.field.12", .input, "nested.field", 12, "in.nested.field"),
            ("in.house price.2", .input, "house price", 2, "in.house price"),
            ("output a 5 0", .output, "a 5", 0, "out.a 5"),
        ])
    func elements(
        text: String, direction: IOPath.Direction, field: String, element: Int, record: String
    ) throws {
        let path = try IOPath(parsing: text)
        #expect(path.direction == direction)
        #expect(path.field == field)
        #expect(path.element == element)
        #expect(path.recordField == record)
    }

    @Test(
        "a path without an element is a field of one number",
        arguments: [
            ("input age", "age"), ("output house price", "house price"), ("output 5", "5"),
            ("out.score", "score"), ("in.a.b", "a.b"), ("out.5", "5"),
            ("input feature.1", "feature.1"), ("in.income 2023", "income 2023"), ("out.a -5", "a -5"),
            ("in.a.b 5", "a.b 5"),
        ])
    func scalars(text: String, field: String) throws {
        let path = try IOPath(parsing: text)
        #expect(path.field == field)
        #expect(path.element == nil)
    }

    @Test(
        "what names no number of a record is refused with the right spelling",
        arguments: [
            "", "  ", "output", "input ", "dense_1 0", "outputs 0 0", "inputs 0 1",
            "Outputs dense 0",
            "out.", "in..0", "out", "output dense_1 -1", "output dense_1 2147483648",
            "output dense_1 99999999999999999999", "output a\u{1}b 0", "out. a",
            "banana", "outputdense_1 0",
        ])
    func refusals(text: String) {
        let error = #expect(throws: TextError.self) { try IOPath(parsing: text) }
        #expect(error?.problem.contains("output dense_1 0") == true)
    }

    @Test("a positional path is told that fields have names")
    func positional() {
        let error = #expect(throws: TextError.self) { try IOPath(parsing: "outputs 0 0") }
        #expect(error?.problem.contains("name the field") == true)
    }

    @Test("a field may be as long as a record's field name, and no longer")
    func longField() throws {
        let longest = String(repeating: "f", count: RecordLimits.nameByteCountMax - 4)
        #expect(try IOPath(parsing: "output \(longest) 0").field == longest)
        #expect(throws: TextError.self) { try IOPath(parsing: "output \(longest)f 0") }
    }

    @Test("every path built of a few small words reads back from what it prints")
    func printedPathsReadBack() throws {
        let words = ["a", "5", "a.5", "in", "output", "-", "a.b"]
        var fields = words
        for first in words {
            for second in words { fields.append("\(first) \(second)") }
        }
        var texts: [String: IOPath] = [:]
        for direction in ["input", "output"] {
            for field in fields {
                for element in ["", " 0", " 17"] {
                    let path = try IOPath(parsing: "\(direction) \(field)\(element)")
                    #expect(try IOPath(parsing: path.text) == path)
                    #expect((texts[path.text] ?? path) == path)
                    texts[path.text] = path
                    if path.element != nil || !path.field.hasSuffix(".5") {
                        #expect(try IOPath(parsing: path.dottedText) == path)
                    }
                }
            }
        }
    }

    // "input income 2023" is element 2023 of "income", so that the field could not be watched at all.
    @Test("a field of a record is named by its name, whatever that ends in, and prints so that it reads back")
    func recordFields() throws {
        var texts: Set<String> = []
        for name in ["in.income 2023", "in.income", "out.a -5", "out.a 5.5", "out.a.5", "in.a 5 6", "in.5"] {
            for element in [nil, 0, 2023] {
                let path = try IOPath(recordField: name, element: element)
                #expect(path.recordField == name && path.element == element)
                #expect(try IOPath(parsing: path.text) == path)
                #expect(texts.insert(path.text).inserted)
            }
        }
        #expect(try IOPath(recordField: "in.income 2023", element: nil).text == "in.income 2023")
        #expect(try IOPath(parsing: "input income 2023").field == "income")
        // What is refused is not told a spelling that is refused here.
        let error = #expect(throws: TextError.self) { try IOPath(recordField: "calm", element: nil) }
        #expect(error?.problem.contains("Write \"in.age\" for the input age") == true)
        #expect(error?.problem.contains("output dense_1 0") == false)
    }

    @Test("a field that neither spelling names is written in quotes, and quotes of its own are its own")
    func quoted() throws {
        for (name, element, text) in [
            ("in. a", nil, "in.\" a\""), ("out.a ", 0, "out.\"a \".0"), ("in. a.5", nil, "in.\" a.5\""),
            ("in. a", 5, "in.\" a\".5"), ("in.a\tb", nil, "in.\"a\\tb\""), ("in.", nil, "in.\"\""),
            ("in.\"a\"", nil, "input \"a\""), ("in.\" a\"", nil, "input \" a\""), ("in.a", 0, "input a 0"),
            ("in.\" a\" 5", nil, "in.\" a\" 5"), ("in.\"a ", 1, "in.\"\\\"a \".1"),
        ] as [(String, Int?, String)] {
            let path = try IOPath(recordField: name, element: element)
            #expect(path.text == text && path.recordField == name && path.element == element)
            #expect(try IOPath(parsing: text) == path && IOPath(parsing: " \(text)\n") == path)
        }
        // As ever, where nothing needs them, or what is in them is no text.
        for text in ["in.\"a\"", "in.\"a", "in.\"", "in.\"\\q \"", "in.\" a\"b", "in.\" a\".b"] {
            #expect(try IOPath(parsing: text).recordField == text)
        }
        let error = #expect(throws: TextError.self) { try IOPath(parsing: "in. a.0") }
        #expect(error?.problem.contains("write in.\" a\".0") == true)
    }

    // Swift's characters glue a mark to the dot or the blank before it, and a sign to the one behind it: such a field
    // had no path, or another field's.
    @Test("a path of any field reads back from what it prints, and no two print alike")
    func oddNames() throws {
        let parts = [
            "a", "5", "\u{301}", "\u{200D}", "\u{FE0F}", "\u{1F468}\u{200D}\u{1F469}", " ", "\u{A0}", ".",
            "\"", "\\", "-", "\r\n", "\t", "\u{E9}", "\u{661}", "\u{600}", "input",
        ]
        var names = [""]
        for first in parts {
            names.append(first)
            for second in parts {
                names.append(first + second)
                for third in parts { names.append(first + second + third) }
            }
        }
        // Some are made in two ways.
        names = Set(exactly: names).sorted().map(\.text)
        var texts: Set<ExactText> = []
        for name in names {
            for element in [nil, 0] {
                let path = try IOPath(recordField: "in." + name, element: element)
                #expect(path.recordField.isExactly("in." + name) && path.element == element)
                let text = path.text
                #expect((try? IOPath(parsing: text)) == path, "\(text.debugDescription)")
                #expect(texts.insert(ExactText(text)).inserted, "\(text.debugDescription)")
            }
        }
    }

    @Test("a path that is read has a field of the text's own bytes, and prints so that it reads back")
    func oddTexts() throws {
        let parts = ["a", "5", "\u{301}", "\u{200D}", " ", ".", "\"", "-", "\r\n", "\u{E9}", " 0", ".0"]
        for first in parts {
            for second in parts {
                for third in parts {
                    for start in ["input ", "in."] {
                        let text = start + first + second + third
                        guard let path = try? IOPath(parsing: text) else { continue }
                        #expect((try? IOPath(parsing: path.text)) == path, "\(text.debugDescription)")
                        // Blanks at the ends go, and an element behind a blank or a dot; in quotes there are escapes.
                        guard !path.text.utf8.starts(with: "in.\"".utf8) else { continue }
                        let rest = text.utf8.dropFirst(start.utf8.count)
                        let field = rest.drop { $0 <= 0x20 }.prefix(path.field.utf8.count)
                        #expect(field.elementsEqual(path.field.utf8), "\(text.debugDescription)")
                    }
                }
            }
        }
        for (text, field) in [
            ("input \u{301}x", "\u{301}x"), ("in.\u{301}x", "\u{301}x"), ("in.a.\u{301}.0", "a.\u{301}"),
            ("output a \u{301} 0", "a \u{301}"), ("in.a\u{600}.0", "a\u{600}"),
        ] {
            #expect(try IOPath(parsing: text).field.isExactly(field), "\(text.debugDescription)")
        }
        #expect(throws: TextError.self) { try IOPath(parsing: "input\u{301} x") }
    }

    @Test("inputs come before outputs, then fields, then the whole field before its elements")
    func order() throws {
        let ordered = try [
            "input a", "input a 0", "input a 9", "input a 10", "input b 0", "output a",
            "output a 1",
        ].map { try IOPath(parsing: $0) }
        #expect(ordered.shuffled().sorted() == ordered)
    }

    @Test("fields of other bytes are other fields, and have their places in the order")
    func spellings() throws {
        let ordered = try ["e\u{301}", "e\u{301} 0", "\u{E9}", "\u{E9} 0"].map {
            try IOPath(parsing: "input " + $0)
        }
        #expect(Set(ordered).count == 4)
        for _ in 0..<10 { #expect(ordered.shuffled().sorted() == ordered) }
        for path in ordered { #expect(try IOPath(parsing: path.dottedText) == path) }
    }
}
