// A value that several tasks of a test change.

import Synchronization

package final class Shared<Value: Sendable>: Sendable {
    package let value: Mutex<Value>

    package init(_ value: Value) { self.value = Mutex(value) }
}
