"""A Python worker: the process that runs the user's Python. Standard library alone; Python 3.9 or newer.

In: LOAD, RUN and CLOSE frames on descriptor 3, read blocking. Out: READY, LOADED, REFUSED and OUTCOMES there, and before
each chunk of items a record in the file at descriptor 4; standard output and error are the user's.
Always true: no item is called twice; an item is announced before it is called; outcomes cover a run's items from the front
without a gap; a value that can change is encoded before the next chunk is begun. docs/worker-protocol.md has the rules.
It is one file because it is copied as one; its starter imports it, so that it is compiled once.
"""
import os
import struct
import sys
import time
from array import array
from binascii import a2b_base64, b2a_base64
from itertools import islice
from json import JSONDecoder, JSONEncoder
from json.encoder import encode_basestring, encode_basestring_ascii
from zlib import crc32

PROTOCOL = 1
MAGIC = 0x314B574D
LOAD, RUN, CLOSE, READY, LOADED, REFUSED, OUTCOMES = 1, 2, 3, 17, 18, 19, 20
NONE, RANGE, F64, NUMBER, I64, JSON, RECORDS = range(7)
# The columns of records.
NUMBERS, BOOLEANS, STRINGS, TEXTS = range(4)
HEADER = struct.Struct("<IBBHIII")
RECORD = struct.Struct("<QIIQQ")
RECORDS_HEAD = struct.Struct("<III")
LIMIT = struct.Struct("<IIQ")
LIMITS = 64
FRAME_LIMIT_BYTES = 256 * 1024 * 1024
VALUE_LIMIT = 64 * 1024 * 1024
MESSAGE_LIMIT = 4 * 1024
STACK_LIMIT = 16 * 1024
# How long finished work may wait, and how much of it: less costs a frame more often, more loses more in a crash.
FLUSH_SECONDS = 0.15
# Reports of a shard that takes its whole time box, about.
FLUSHES = 8
FLUSH_BYTES = 1024 * 1024
FLUSH_ITEMS = FLUSH_BYTES // 8
# An announcement costs about 2 us; items that take longer than this are announced one by one.
CHUNK_SECONDS = 200e-6
# A chunk whose items turn out slow ends early: everything that is measured, and every limit, waits for its end. It looks at the
# clock so often, and behind so many items; more looks make items of nanoseconds dearer.
LONGEST_CHUNK_SECONDS = 1e-3
LOOKS = 8
MOST_UNSEEN = 1024
# A look for the agent's limit costs 1 us.
LOOK_SECONDS = 0.001
CHUNK_GROWTH = 8
SAFE = 2**53 - 1
ESCAPES = ("$number", "$bigint", "$bytes", "$undefined", "$escape")
# With several items in progress: texts that wait for an item before them; how often ages are looked at.
HELD_LIMIT = 16 * 1024 * 1024
AGES_SECONDS = 0.1
# How many may be in progress where the job leaves it to the worker; agent/runner/lanes.ts says what each of these costs.
MOST_LANES = 64
LEAST_GAIN = 1.25
BUSY_CORE = 0.7
NEARLY_ALL = 0.75
PATIENCE_ITEMS = 256
# Values that cannot change and are small: they may wait for the flush as they are.
SCALARS = frozenset((float, int, bool, type(None)))
# Those of them that travel packed, and their codes for struct and array.
FORMS_OF = {frozenset((float,)): F64, frozenset((int,)): I64}
CODES = {F64: "d", I64: "q"}
# What a member of a record may be that is taken as it is; how many members there are at most.
MEMBERS = SCALARS | {str}
MOST_KEYS = 64
MOST_NAMES_BYTES = 4096
# Longer ones are no small object's.
LONG_STRING = 64 * 1024
NEGATIVE_ZERO = -(1 << 63)
now = time.perf_counter
own_cpu_seconds = time.process_time


def cpu_seconds():
    """Of this process, and of those that it started and waited for."""
    times = os.times()
    return own_cpu_seconds() + times.children_user + times.children_system

# Asking takes some microseconds: shorter runs are not worth it.
WORTH_ASKING_SECONDS = 0.005
# What wants a core gets at least so much of it; newer kernels count a part of a sleep as waiting for one.
WAITED_PER_RAN = 100


def ask_scheduler():
    """Seconds that this thread had a core, and wanted one in vain, as Linux counts them; None elsewhere."""
    try:
        with open("/proc/thread-self/schedstat", "rb", buffering=0) as file:
            ran, waited = file.read(128).split()[:2]
            return int(ran) / 1e9, int(waited) / 1e9
    except Exception:
        return None


class Preemption:
    """As proto/preemption.ts."""

    worth_it = True
    told = None

    def __init__(self):
        self.since = now()
        self.exact = Preemption.worth_it
        if self.exact:
            Preemption.told = ask_scheduler()

    def take(self, compute, codec, cpu):
        moment = now()
        seconds = moment - self.since
        exact, before = self.exact, Preemption.told
        self.since = moment
        Preemption.worth_it = self.exact = seconds >= WORTH_ASKING_SECONDS
        if not self.exact:
            return 0.0
        told = Preemption.told = ask_scheduler()
        if before is None or told is None:
            return 0.0
        ran = told[0] - before[0] if exact else cpu
        waited = min(told[1] - before[1], seconds - ran, WAITED_PER_RAN * ran)
        if waited <= 0:
            return 0.0
        between = max(0.0, seconds - compute - codec * (1 - waited / seconds))
        return max(0.0, min(compute, waited - between))


# ---- values ---------------------------------------------------------------------------------------------------------

def js_number(value):
    """A float as JavaScript prints it, so that a value's text does not depend on the form that its batch travelled in."""
    if value != value or value in (float("inf"), float("-inf")):
        return '{"$number":"%s"}' % ("NaN" if value != value else "Infinity" if value > 0 else "-Infinity")
    text = repr(float(value))
    if text == "-0.0":
        return "-0"
    sign = "-" if text[0] == "-" else ""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    point = len(whole) - leading + int(exponent or 0)
    digits = digits.rstrip("0") or "0"
    count = len(digits)
    if digits == "0":
        return "0"
    if count <= point <= 21:
        # Beyond 2^53 bare digits would be read as an integer's.
        return sign + digits + "0" * (point - count) + (".0" if abs(value) > 2**53 - 1 else "")
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = "%+d" % (point - 1)
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + "e" + power


def integer_text(value):
    try:
        return int.__repr__(value)
    except ValueError:  # Python 3.11 limits digits unless told otherwise.
        limit = sys.get_int_max_str_digits()
        sys.set_int_max_str_digits(0)
        try:
            return int.__repr__(value)
        finally:
            sys.set_int_max_str_digits(limit)


def string_text(value):
    text = encode_basestring(value)
    try:
        text.encode()
        return text
    except UnicodeEncodeError:  # A lone surrogate has no UTF-8.
        return encode_basestring_ascii(value)


def key_text(key, path):
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (bool, int, float)):  # As json.dumps does.
        return {None: "null", True: "true", False: "false"}[key] if key is None or isinstance(key, bool) else repr(key)
    raise TypeError("a key of type %s at %s has no form" % (type(key).__name__, path))


def encode_exactly(value, path, above):
    """Extended JSON, value by value; names the path of what has no form."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return string_text(value)
    if isinstance(value, int):
        return integer_text(value)
    if isinstance(value, float):
        if value == value and abs(value) != float("inf"):
            return js_number(value) if path == "$" else float.__repr__(value)
        return js_number(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return '{"$bytes":"%s"}' % b2a_base64(bytes(value), newline=False).decode()
    kind = type(value)
    if kind.__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return encode_exactly(value.item(), path, above)
    if not isinstance(value, (list, tuple, dict)):
        hint = "; call .tolist() on it" if hasattr(value, "tolist") else ""
        raise TypeError("a value of type %s at %s has no form%s" % (kind.__qualname__, path, hint))
    if id(value) in above:
        raise TypeError("the value at %s contains itself" % path)
    above = above | {id(value)}
    if not isinstance(value, dict):
        return "[" + ",".join([encode_exactly(each, "%s[%d]" % (path, at), above) for at, each in enumerate(value)]) + "]"
    parts = []
    for key, each in value.items():
        name = key_text(key, path)
        parts.append(string_text(name) + ":" + encode_exactly(each, path + "." + name, above))
    text = "{" + ",".join(parts) + "}"
    if len(value) == 1 and next(iter(value)) in ESCAPES:
        return '{"$escape":' + text + "}"
    return text


quick = JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
COMPOUND = frozenset((list, dict, tuple, str))


def encode(value):
    """One extended JSON text."""
    text = None
    if type(value) in COMPOUND:
        try:
            text = quick(value)
            if '"$' in text and type(value) is not str:
                text = None
            elif not text.isascii():
                text.encode()
        except (TypeError, ValueError):  # No form, or a form that is ours.
            text = None
    if text is None:
        text = encode_exactly(value, "$", frozenset())
    if len(text) > VALUE_LIMIT:
        raise TypeError("a value of %d characters, at most %d" % (len(text), VALUE_LIMIT))
    return text


def not_json(text):
    raise ValueError("%s is not JSON" % text)


def integer(text):
    return -0.0 if text == "-0" else int(text)


scan = JSONDecoder(parse_constant=not_json).scan_once
scan_signed = JSONDecoder(parse_constant=not_json, parse_int=integer).scan_once


def matches(pattern, text):
    import re

    return re.fullmatch(pattern, text, re.ASCII) is not None


def revive(value):
    if isinstance(value, list):
        return [revive(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, inner),) = value.items()
        # What is not exactly shaped like an escape is an object like any other.
        if key == "$number" and inner in ("NaN", "Infinity", "-Infinity"):
            return float(inner.replace("Infinity", "inf"))
        if key == "$bigint" and isinstance(inner, str) and matches("-?(0|[1-9][0-9]*)", inner):
            return int(inner)
        if key == "$bytes" and isinstance(inner, str) and matches("[A-Za-z0-9+/]*={0,2}", inner):
            return a2b_base64(inner)
        if key == "$undefined" and inner is True:
            return None
        if key == "$escape" and isinstance(inner, dict):
            return {name: revive(each) for name, each in inner.items()}
    return {name: revive(each) for name, each in value.items()}


def decode(text):
    text = text.strip(" \t\r\n")
    try:
        value, end = (scan_signed if "-0" in text else scan)(text, 0)
    except StopIteration:
        raise ValueError("not JSON: %s" % text[:80]) from None
    if end != len(text):
        raise ValueError("more than one JSON value: %s" % text[:80])
    return revive(value) if '"$' in text else value


class Undecodable:
    def __init__(self, error):
        self.error = error


def lines(content):
    return bytes(content).decode("utf-8", "surrogatepass").split("\n")


class Records:
    """Dicts with the same keys, as columns."""

    def __init__(self, block):
        self.count, width, size = RECORDS_HEAD.unpack_from(block)
        heads = struct.unpack_from("<%dI" % (2 * width), block, RECORDS_HEAD.size)
        at = RECORDS_HEAD.size + 8 * width
        self.keys = decode(bytes(block[at : at + size]).decode())
        self.kinds = heads[::2]
        self.columns = []
        end = at + size
        for kind, size in zip(self.kinds, heads[1::2]):
            at = (end + 7) & ~7
            end = at + size
            self.columns.append(self.column(kind, block[at:end]))

    def column(self, kind, content):
        if kind == NUMBERS:
            values = array("d")
            values.frombytes(content)
            return values
        return content if kind == BOOLEANS else lines(content)

    def chunk(self, start, end):
        members = [self.members(kind, column[start:end]) for kind, column in zip(self.kinds, self.columns)]
        keys = self.keys
        if TEXTS not in self.kinds:
            return [dict(zip(keys, row)) for row in zip(*members)]
        return [next((m for m in row if type(m) is Undecodable), None) or dict(zip(keys, row)) for row in zip(*members)]

    def members(self, kind, column):
        if kind == NUMBERS:
            return wholes(column)
        if kind == BOOLEANS:
            return map(bool, column)
        return column if kind == STRINGS else map(decoded, column)


class Source:
    """A run's items; chunk() gives the values of a slice, as an iterable."""

    def __init__(self, form, meta, values):
        items = meta.get("items") or {}
        self.form = form
        self.packed = form != JSON
        if form == RANGE:
            self.first, self.step, self.count = items["start"], items["step"], items["count"]
        elif form == JSON:
            self.count = items["count"]
            self.lines = lines(values)
        elif form == RECORDS:
            self.records = Records(values)
            self.count = self.records.count
            self.packed = TEXTS not in self.records.kinds
        else:
            self.values = array("q" if form == I64 else "d")
            self.values.frombytes(values)
            self.count = len(self.values)

    def chunk(self, start, end):
        if self.form == RANGE:
            if self.step == 0:
                return [self.first] * (end - start)
            return range(self.first + start * self.step, self.first + end * self.step, self.step)
        if self.form == JSON:
            return [decoded(text) for text in self.lines[start:end]]
        if self.form == RECORDS:
            return self.records.chunk(start, end)
        if self.form == NUMBER:
            return [whole(value) for value in self.values[start:end]]
        return self.values[start:end]


def decoded(text):
    try:
        return decode(text)
    except Exception as error:
        return Undecodable(error)


def wholes(values):
    """JavaScript numbers; where all are of one kind they are taken at once."""
    are_whole = list(map(float.is_integer, values))
    if not any(are_whole):
        return values
    if all(are_whole) and -SAFE <= min(values) and max(values) <= SAFE:
        if NEGATIVE_ZERO not in memoryview(values).cast("B").cast("q"):
            return map(int, values)
    return [whole(value) for value in values]


def whole(value):
    """A JavaScript number: an int where it is a safe integer, and -0 is none."""
    if value.is_integer() and -SAFE <= value <= SAFE and (value != 0 or repr(value) == "0.0"):
        return int(value)
    return value


# ---- descriptors 3 and 4 --------------------------------------------------------------------------------------------

class Channel:
    def __init__(self):
        os.set_inheritable(3, False)
        os.set_inheritable(4, False)
        self.pending = b""
        # Of frames that are under way: what the socket had no room for.
        self.unsent = []
        self.sequence = 0
        self.looked = 0.0
        self.limited = None, 0

    def take(self, size):
        if len(self.pending) < size:
            if size > 1 << 16:
                body = bytearray(size)
                have = len(self.pending)
                body[:have] = self.pending
                self.pending = b""
                view = memoryview(body)
                while have < size:
                    have += self.more(os.readv(3, [view[have:]]))
                return body
            while len(self.pending) < size:
                chunk = os.read(3, 1 << 16)
                self.more(len(chunk))
                self.pending += chunk
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken

    def more(self, size):
        if size == 0:
            os._exit(0)  # The agent is gone.
        return size

    def read(self):
        self.push_until_input()
        header = self.take(HEADER.size)
        magic, kind, form, _flags, number, size, checksum = HEADER.unpack(header)
        if magic != MAGIC or size > FRAME_LIMIT_BYTES:
            raise RuntimeError("the agent sent something that is no frame")
        body = self.take(size)
        if crc32(body, crc32(header[:16])) != checksum:
            raise RuntimeError("the agent sent a frame with a wrong checksum")
        (length,) = struct.unpack_from("<I", body)
        meta = decode(bytes(body[4 : 4 + length]).decode())
        return kind, number, meta, form, memoryview(body)[(4 + length + 7) & ~7 :]

    def send(self, kind, number, meta, form=NONE, values=b"", last=False, later=False):
        """With `later` what the socket has no room for may leave while items run: see push()."""
        text = encode_meta(meta)
        body = struct.pack("<I", len(text)) + text
        body += bytes(-len(body) % 8)
        size = len(body) + len(values)
        front = HEADER.pack(MAGIC, kind, form, 1 if last else 0, number, size, 0)[:16]
        front += struct.pack("<I", crc32(values, crc32(body, crc32(front))))
        self.settle()
        if len(values) <= 1 << 16:
            self.write(b"".join((front, body, values)))
        elif later:
            self.unsent = [memoryview(front + body), memoryview(values)]
            self.push()
        else:
            self.write(front + body)
            self.write(values)

    def write(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(3, view) :]

    def push(self):
        """As much as the socket has room for: to wait until the agent has read a large frame would take as long as to read it."""
        os.set_blocking(3, False)
        try:
            while self.unsent:
                self.unsent[0] = self.unsent[0][os.write(3, self.unsent[0]) :]
                if not self.unsent[0]:
                    del self.unsent[0]
        except BlockingIOError:
            pass
        finally:
            os.set_blocking(3, True)

    def settle(self):
        """All of what was sent has left."""
        while self.unsent:
            self.write(self.unsent.pop(0))

    def push_until_input(self):
        if not self.unsent:
            return
        from select import POLLIN, POLLOUT, poll

        poller = poll()
        poller.register(3, POLLIN | POLLOUT)
        while self.unsent and not self.pending and not any(event & ~POLLOUT for _, event in poller.poll()):
            self.push()

    def announce(self, number, start, count):
        self.sequence += 1
        os.pwrite(4, RECORD.pack(self.sequence, number, 0, start, count), 0)

    def limit(self, number, moment, fresh=False):
        """The index of the first item that the run shall not begin, or None; looked up now and then."""
        if fresh or moment - self.looked >= LOOK_SECONDS:
            self.looked = moment
            record = os.pread(4, LIMIT.size, RECORD.size + number % LIMITS * LIMIT.size)
            # A file that the user's code truncated has no limit.
            self.limited = LIMIT.unpack(record)[::2] if len(record) == LIMIT.size else (None, 0)
        return self.limited[1] if self.limited[0] == number else None


encode_meta_text = JSONEncoder(separators=(",", ":")).encode


def encode_meta(meta):
    return encode_meta_text(meta).encode()


channel = Channel()


# ---- outcomes -------------------------------------------------------------------------------------------------------

def failure_of(error, reason="error"):
    """What was raised, with its traceback from the user's first frame on."""
    try:
        import traceback

        frame = error.__traceback__
        while frame is not None and frame.tb_frame.f_code.co_filename == __file__:
            frame = frame.tb_next
        message = "".join(traceback.format_exception_only(type(error), error)).strip()
        stack = "".join(traceback.format_exception(type(error), error, frame)).rstrip()
    except Exception:
        message, stack = type(error).__name__, ""
    if len(message) > MESSAGE_LIMIT:
        message = message[:MESSAGE_LIMIT] + "…"
    if len(stack) > STACK_LIMIT:
        stack = "…" + stack[-STACK_LIMIT:]
    failure = {"reason": reason, "message": message}
    if reason == "error" and stack:
        failure["stack"] = stack
    return failure


def names_of(keys):
    return ("[%s]" % ",".join(map(string_text, keys))).encode()


def has_shape(keys):
    """Whether dicts with these keys may be records."""
    if not 0 < len(keys) <= MOST_KEYS:
        return False
    if not all(type(key) is str and key[:1] != "$" and key != "__proto__" for key in keys):
        return False
    return len(names_of(keys)) <= MOST_NAMES_BYTES


def column_of(members):
    """The kind of a record's column, and its bytes."""
    types = set(map(type, members))
    if types == {float} or types <= {int, float} and all(type(m) is float or -SAFE <= m <= SAFE for m in members):
        return NUMBERS, array("d", members).tobytes()
    if types == {bool}:
        return BOOLEANS, bytes(members)
    if types == {str}:
        try:
            text = "\n".join(members) + "\n"
            if text.count("\n") == len(members):
                return STRINGS, text.encode()
        except UnicodeEncodeError:  # A lone surrogate.
            pass
    return TEXTS, ("\n".join(map(encode, members)) + "\n").encode()


def records_block(keys, rows):
    names = names_of(keys)
    columns = [column_of(members) for members in zip(*rows)]
    heads = [part for kind, content in columns for part in (kind, len(content))]
    parts = [RECORDS_HEAD.pack(len(rows), len(keys), len(names)) + struct.pack("<%dI" % len(heads), *heads) + names]
    parts.extend(content for _, content in columns)
    return b"".join(part + bytes(-len(part) % 8) for part in parts)


class Part:
    """The outcomes of a run that have not left yet."""

    def __init__(self, run, start, box=0, takes_records=False):
        self.takes_records = takes_records
        self.patience = max(FLUSH_SECONDS, box / FLUSHES)
        self.run = run
        self.start = start
        self.end = start
        self.cpu = cpu_seconds()
        self.preemption = Preemption()
        self.clear()

    def clear(self):
        self.start = self.end
        # Values so far: floats or whole numbers alone as the bytes that travel, a few nanoseconds each; else as they are.
        self.form = None
        self.bytes = bytearray()
        self.scalars = []
        self.types = set()
        self.texts = None
        # Values so far while all are dicts with the same keys and members that cannot change: the members.
        self.keys = None
        self.rows = []
        # By the types of a row's members, the places of its strings.
        self.row_types = {}
        self.failures = []
        self.size = 0
        self.compute = self.decode = self.encode = self.items = 0.0
        self.flushed = now()

    def add_scalars(self, values, types):
        """Values of the types SCALARS alone, while there is no other value."""
        form = FORMS_OF.get(frozenset(types))
        if form is not None and not self.scalars and self.form in (None, form):
            try:
                self.bytes += struct.pack("%d%s" % (len(values), CODES[form]), *values)
                self.form = form
                return
            except struct.error:  # An integer beyond 64 bits.
                pass
        self.unpack()
        self.scalars.extend(values)
        self.types |= types

    def unpack(self):
        if self.form is not None:
            values = array(CODES[self.form], bytes(self.bytes))
            self.types.add(float if self.form == F64 else int)
            self.scalars = values.tolist()
            self.form, self.bytes = None, bytearray()

    def add(self, index, value):
        kind = type(value)
        if kind in SCALARS and self.texts is None and not self.rows:
            self.unpack()
            self.scalars.append(value)
            self.types.add(kind)
            return
        began = now()
        if kind is dict and self.takes_records and self.texts is None and self.record(value):
            self.encode += now() - began
            return
        try:
            text = encode(value)
        except Exception as error:
            self.fail(index, {"reason": "undecodable", "message": str(error)})
        else:
            self.text(text)
        self.encode += now() - began

    def record(self, value):
        """Takes a dict like those before it; False for any other."""
        keys = tuple(value)
        row = tuple(value.values())
        types = tuple(map(type, row))
        if keys != self.keys or types not in self.row_types:
            if self.keys is None:
                if self.count() or not has_shape(keys):
                    return False
            elif keys != self.keys:
                return False
            if not MEMBERS.issuperset(types):
                return False
            self.keys = keys
            self.row_types[types] = [at for at, kind in enumerate(types) if kind is str]
        size = 8 * len(row)
        for at in self.row_types[types]:
            length = len(row[at])
            if length > LONG_STRING:
                return False
            size += length
        self.rows.append(row)
        self.size += size
        return True

    def text(self, text):
        self.all_texts().append(text)
        self.size += len(text)

    def fail(self, index, failure):
        self.failures.append({"index": index, **failure})
        self.size += len(failure["message"]) + len(failure.get("stack", "")) + 64

    def all_texts(self):
        self.unpack()
        if self.texts is None:
            if self.rows:
                self.texts = [encode(dict(zip(self.keys, row))) for row in self.rows]
                self.rows = []
            else:
                self.texts = [encode(each) for each in self.scalars]
                self.size += 8 * len(self.texts)
                self.scalars = []
        return self.texts

    def due(self, moment):
        return moment - self.flushed >= self.patience or self.size >= FLUSH_BYTES or self.count() >= FLUSH_ITEMS

    def count(self):
        return len(self.scalars) + len(self.bytes) // 8 + len(self.rows)

    def packed(self):
        if self.form is not None:
            return self.form, self.bytes
        values, types = self.scalars, self.types
        if self.rows:
            return RECORDS, records_block(self.keys, self.rows)
        if self.texts is not None:
            return None
        if not values or types == {float}:
            return F64, array("d", values)
        if types == {int}:
            try:
                return I64, array("q", values)
            except OverflowError:
                return None
        if types == {int, float} and all(type(each) is float or -SAFE <= each <= SAFE for each in values):
            return F64, array("d", values)
        return None

    def flush(self, last, later=False):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # The user may have replaced or closed it.
                pass
        began = now()
        packed = self.packed()
        items = {}
        if packed is None:
            texts = self.all_texts()
            form, values = JSON, ("\n".join(texts) + "\n" if texts else "").encode("utf-8")
            items = {"items": {"count": len(texts)}}
        else:
            form, values = packed[0], memoryview(packed[1]).cast("B") if packed[1] else b""
        self.failures.sort(key=lambda failure: failure["index"])
        cpu = cpu_seconds()
        timing = {
            "computeSeconds": self.compute,
            "decodeSeconds": self.decode,
            "encodeSeconds": self.encode + now() - began,
            "cpuSeconds": cpu - self.cpu,
            "itemSeconds": self.items,
            "preemptedSeconds": self.preemption.take(self.compute, self.decode + self.encode, cpu - self.cpu),
        }
        self.cpu = cpu
        meta = {"start": self.start, "end": self.end, "failures": self.failures, "timing": timing, **items}
        channel.send(OUTCOMES, self.run, meta, form, values, last, later)
        self.clear()


# ---- code -----------------------------------------------------------------------------------------------------------

loop = None
# Something was awaited since this was last set to False.
has_awaited = False


def event_loop():
    global loop
    if loop is None:
        import asyncio

        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
    return loop


def awaited(value):
    """The result of what a coroutine function gave."""
    global has_awaited
    if not hasattr(value, "__await__"):
        return value
    has_awaited = True

    async def wait():
        return await value

    return event_loop().run_until_complete(wait())


class Folder:
    """A bundle's folder: its modules are in place while it is active, so that two bundles may use the same names."""

    active = None
    known = {}

    def __init__(self, path):
        self.path = os.path.join(path, "")
        self.modules = {}

    @classmethod
    def activate(cls, path):
        folder = cls.known.setdefault(path, None) or cls(path)
        cls.known[path] = folder
        if cls.active is folder:
            return
        if cls.active is not None:
            own = cls.active.path
            found = {k: m for k, m in sys.modules.items() if (getattr(m, "__file__", None) or "").startswith(own)}
            cls.active.modules = found
            for name in found:
                del sys.modules[name]
        sys.path[0] = path
        sys.modules.update(folder.modules)
        sys.path_importer_cache.pop(path, None)
        cls.active = folder


def import_entry(folder, entry):
    name = entry[: -len(".py")] if entry.endswith(".py") else entry
    name = name.strip("/").replace("/", ".")
    path = os.path.join(folder, entry)
    there = sys.modules.get(name)
    if there is None or (getattr(there, "__file__", None) or "") == path:
        from importlib import import_module

        return import_module(name)
    # The user's file has the name of a module that is in use (json.py): it is imported beside it.
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def functions_of(module):
    function = type(functions_of)
    return [n for n, v in vars(module).items() if isinstance(v, function) and v.__module__ == module.__name__ and n[0] != "_"]


def attribute(module, name, entry):
    found = getattr(module, name, None)
    if callable(found):
        return found
    there = ", ".join(functions_of(module)) or "none"
    raise AttributeError("%s has no function '%s'; its functions: %s" % (entry, name, there))


def only_function(module, entry, others):
    there = [name for name in functions_of(module) if name not in others]
    if len(there) == 1:
        return getattr(module, there[0])
    raise AttributeError(
        "%s has %s; say which is meant: %s" % (entry, "no public function" if not there else "%d public functions" % len(there), ", ".join(there) or "none")
    )


def built_in(path):
    import builtins
    from importlib import import_module

    module, _, name = path.rpartition(".")
    return attribute(import_module(module) if module else builtins, name, module or "Python")


def shared_values(code):
    path = code.get("sharedFile")
    if path is None:
        return []
    with open(path, "rb") as file:
        data = file.read()
    return [data if code["spec"]["shared"]["kind"] == "bytes" else decode(data.decode())]


class Job:
    def __init__(self, code):
        spec = code["spec"]
        self.folder = code.get("bundleFolder")
        self.fold = spec["operation"] == "fold"
        self.takes_records = spec.get("takesRecords", False)
        self.spread = spec["spread"]
        self.pace = 1
        self.mapper = None
        if self.folder is None:
            self.call = built_in(spec["function"])
        else:
            Folder.activate(self.folder)
            entry = spec["entry"]
            module = import_entry(self.folder, entry)
            others = (spec.get("init"), spec.get("mapper"))
            name = spec["function"]
            self.call = only_function(module, entry, others) if name == "default" else attribute(module, name, entry)
            if spec.get("mapper") is not None:
                self.mapper = attribute(module, spec["mapper"], entry)
            if spec.get("init") is not None:
                awaited(attribute(module, spec["init"], entry)(*shared_values(code)))
        # Until a result is no number: then each result is encoded at once, since it might change.
        code_object = getattr(self.call, "__code__", None)
        is_coroutine = bool(code_object is not None and code_object.co_flags & 0x80)
        self.scalar = not is_coroutine
        # Its items may be in progress together; None: if it turns out to give something to await.
        self.waits = False if self.fold or spec.get("concurrency") == 1 else is_coroutine or None
        self.lanes = Lanes(spec.get("concurrency"))
        self.timeout = spec.get("timeoutSeconds")

    def observe(self, count, seconds):
        fitting = int(CHUNK_SECONDS * count / max(seconds, 1e-9))
        self.pace = max(1, min(fitting, self.pace * CHUNK_GROWTH, FLUSH_ITEMS))


def spreading(call):
    return lambda item: call(*item) if type(item) is list else call(item)


# ---- runs -----------------------------------------------------------------------------------------------------------

def call_scalars(call, items, base, size, part):
    """A chunk at the speed of map(). Returns how many items it came to, and False when a result was no scalar. The iterator
    keeps the place: after an error it goes on behind the item that raised, so nothing is called twice."""
    results = []
    failed = set()
    items = iter(items)
    stride = min(size // LOOKS + 1, MOST_UNSEEN)
    ends = now() + LONGEST_CHUNK_SECONDS
    done = until = 0
    while done < size:
        if done == until:
            if done > 0 and now() >= ends:
                break
            until = min(size, done + stride)
        before = len(results)
        error = None
        try:
            results.extend(map(call, islice(items, until - done)))
        except KeyboardInterrupt:
            raise
        except BaseException as raised:
            error = raised
        done += len(results) - before
        if done < until:
            # map() takes a StopIteration out of the function for the end of the items.
            failure = failure_of(error) if error is not None else {"reason": "error", "message": "StopIteration"}
            part.fail(base + done, failure)
            failed.add(done)
            done += 1
    types = set(map(type, results))
    if types <= SCALARS and part.texts is None:
        if results:
            part.add_scalars(results, types)
        return done, True
    places = (base + at for at in range(done) if at not in failed)
    for index, value in zip(places, results):
        settle(part, index, value)
    return done, types <= SCALARS


def settle(part, index, value):
    """A result becomes a value, or a failure if awaiting it raises."""
    try:
        value = awaited(value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        part.fail(index, failure_of(error))
    else:
        part.add(index, value)


def call_each(call, items, base, part):
    """A chunk whose results are encoded one by one. Returns how many items it came to."""
    ends = now() + LONGEST_CHUNK_SECONDS
    index = base - 1
    for index, item in enumerate(items, base):
        if type(item) is Undecodable:
            part.fail(index, failure_of(item.error, "undecodable"))
            continue
        try:
            value = call(item)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            part.fail(index, failure_of(error))
        else:
            settle(part, index, value)
        if now() >= ends:
            break
    return index + 1 - base


def ending(count, start, limit):
    return count if limit is None else min(count, limit - start)


def run_map(job, number, meta, source):
    global has_awaited
    has_awaited = False
    start, careful = meta["start"], meta["careful"]
    part = Part(number, start, meta["timeBoxSeconds"], job.takes_records)
    ends = now() + meta["timeBoxSeconds"]
    call = spreading(job.call) if job.spread and not source.packed else job.call
    at = 0
    later = False
    count = source.count
    while at < count:
        size = 1 if careful else min(job.pace, count - at)
        preparing = now()
        items = source.chunk(at, at + size)
        channel.announce(number, start + at, size)
        began = now()
        # Behind the announcement: the agent reads that after it has set a limit. Before items that take long always.
        count = ending(count, start, channel.limit(number, began, at == 0 or size == 1))
        if at >= count:
            break
        if count - at < size:
            size = count - at
            items = items[:size]
        encoded = part.encode
        if job.scalar and (source.packed or not any(type(item) is Undecodable for item in items)):
            size, job.scalar = call_scalars(call, items, start + at, size, part)
        else:
            size = call_each(call, items, start + at, part)
        moment = now()
        at += size
        part.end = start + at
        part.decode += began - preparing
        part.compute += moment - began - (part.encode - encoded)
        job.observe(size, moment - began)
        if channel.unsent:
            channel.push()
        # Items that take long would keep back what was done before them.
        later = not careful and job.pace > 1
        if at >= count or moment >= ends:
            break
        if careful or part.due(moment):
            channel.announce(number, part.end, 0)
            part.flush(False, later)
    if has_awaited and job.waits is None:
        job.waits = True
    channel.announce(number, part.end, 0)
    part.flush(True, later)


class Lanes:
    """How many items are in progress at once: agent/runner/lanes.ts, in Python."""

    def __init__(self, concurrency):
        self.fixed = concurrency is not None
        self.count = concurrency or 1
        self.rate_below = None
        self.patience = PATIENCE_ITEMS
        self.wait = 0
        self.clear(own_cpu_seconds())

    def clear(self, cpu):
        self.items = self.values = 0
        self.seconds = 0.0
        self.cpu = cpu

    def observe(self, lanes, at_once, seconds, has_value):
        if self.fixed or lanes != self.count or at_once < NEARLY_ALL * lanes:
            return
        self.items += 1
        self.values += has_value
        self.seconds += seconds
        self.wait = max(0, self.wait - 1)
        if self.items >= max(2, lanes):
            self.decide()

    def decide(self):
        busy = max(self.seconds / self.count, 1e-9)
        rate = self.values / busy
        cpu = own_cpu_seconds()
        if self.rate_below is not None and rate < LEAST_GAIN * self.rate_below:
            self.wait = self.patience
            self.patience *= 2
            self.count = max(1, self.count >> 1)
            self.rate_below = None
        elif (cpu - self.cpu) / busy < BUSY_CORE and self.values and self.count < MOST_LANES and not self.wait:
            self.count *= 2
            self.rate_below = rate
        self.clear(cpu)


class Waiting:
    """A run of a coroutine function with several items in progress: agent/runner/concurrent.ts, in Python."""

    def __init__(self, job, number, meta, source):
        from asyncio import Event

        self.loop = event_loop()
        self.job, self.number, self.source = job, number, source
        self.lanes = job.lanes
        self.call = spreading(job.call) if job.spread and not source.packed else job.call
        self.start = meta["start"]
        self.part = Part(number, self.start)
        self.ends = now() + meta["timeBoxSeconds"]
        self.news = Event()
        # By offset, in the order in which they begin: [task, since (None: not yet), lanes, at once].
        self.running = {}
        # By offset: ("scalar", value), ("text", text) or ("failure", failure).
        self.held = {}
        self.held_size = 0
        self.next = self.drained = self.awaits = 0
        self.stopped = self.overdue = False
        # How many were called and have not ended; since when there are any, or since that was accounted for.
        self.active = 0
        self.busy_since = 0.0
        self.apart = 0.0

    def ending(self):
        return ending(self.source.count, self.start, channel.limit(self.number, now()))

    def is_left(self):
        return bool(self.running or self.held or (self.next < self.ending() and not self.stopped))

    def has_room(self):
        if self.next >= self.ending() or self.stopped or self.held_size >= HELD_LIMIT:
            return False
        return len(self.running) < self.lanes.count

    async def to_end(self):
        """True: an item that took too long is still at it."""
        if self.job.timeout is not None:
            self.watch(self.job.timeout)
        while self.is_left():
            while self.has_room():
                self.begin(self.next)
            if self.running:
                # What is in the part leaves in time though no item ends.
                due = self.loop.call_later(FLUSH_SECONDS, self.news.set) if self.drained + self.start > self.part.start else None
                await self.news.wait()
                if due is not None:
                    due.cancel()
            self.news.clear()
            self.drain()
            moment = now()
            if moment >= self.ends:
                self.stopped = True
            if self.part.due(moment) and self.is_left():
                self.account(now())
                self.announce()
                self.part.flush(False)
                self.busy_since = now()
        channel.announce(self.number, self.part.end, 0)
        self.part.flush(True)
        return self.overdue

    def begin(self, offset):
        preparing = now()
        (item,) = self.source.chunk(offset, offset + 1)
        self.next += 1
        self.announce()
        began = now()
        # Behind the announcement: the agent reads that after it has set a limit.
        if offset >= ending(self.source.count, self.start, channel.limit(self.number, began, True)):
            self.next = offset
            self.announce()
            return
        self.part.decode += began - preparing
        self.set_apart(began - preparing)
        if type(item) is Undecodable:
            self.held[offset] = ("failure", failure_of(item.error, "undecodable"))
            self.news.set()
            return
        task = self.loop.create_task(self.settle(offset, item))
        self.running[offset] = [task, None, self.lanes.count, len(self.running) + 1]

    async def settle(self, offset, item):
        began = self.running[offset][1] = now()
        if not self.active:
            self.busy_since = began
        self.active += 1
        try:
            value = self.call(item)
            if hasattr(value, "__await__"):
                self.awaits += 1
                value = await value
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.end(offset, ("failure", failure_of(error)))
        else:
            self.end(offset, ("value", value))

    def hold(self, value):
        if type(value) in SCALARS:
            return "scalar", value
        began = now()
        try:
            text = encode(value)
        except Exception as error:
            return "failure", {"reason": "undecodable", "message": str(error)}
        else:
            self.held_size += len(text)
            return "text", text
        finally:
            self.part.encode += now() - began
            self.set_apart(now() - began)

    def end(self, offset, outcome):
        entry = self.running.pop(offset, None)
        if entry is None:  # It was overdue.
            return
        _task, since, lanes, at_once = entry
        moment = now()
        self.account(moment)
        self.active -= 1
        seconds = moment - since
        self.part.items += seconds
        self.lanes.observe(lanes, max(at_once, len(self.running) + 1), seconds, outcome[0] != "failure")
        self.held[offset] = self.hold(outcome[1]) if outcome[0] == "value" else outcome
        self.news.set()

    def watch(self, limit):
        """The record changes as long as this process can look at ages itself; the agent looks for one that cannot."""
        moment = now()
        for offset, (_task, since, _lanes, _at_once) in list(self.running.items()):
            if since is None or moment - since < limit:
                break
            self.stopped = self.overdue = True
            self.end(offset, ("failure", {"reason": "timeout", "message": "took longer than %s s" % js_number(limit)}))
        if self.is_left():
            self.announce()
            self.loop.call_later(min(limit / 10, AGES_SECONDS), self.watch, limit)

    def drain(self):
        part = self.part
        while self.drained in self.held:
            if part.size >= FLUSH_BYTES:
                self.news.set()  # The rest is for the next message.
                break
            kind, what = self.held.pop(self.drained)
            index = self.start + self.drained
            if kind == "failure":
                part.fail(index, what)
            elif kind == "scalar":
                part.add(index, what)
            else:
                part.text(what)
                self.held_size -= len(what)
            self.drained += 1
            part.end = self.start + self.drained

    def announce(self):
        channel.announce(self.number, self.start + self.drained, self.next - self.drained)

    def set_apart(self, seconds):
        if self.active:
            self.apart += seconds

    def account(self, moment):
        if self.active:
            self.part.compute += max(0.0, moment - self.busy_since - self.apart)
            self.busy_since = moment
            self.apart = 0.0


def run_waiting(job, number, meta, source):
    run = Waiting(job, number, meta, source)
    if run.loop.run_until_complete(run.to_end()):
        os._exit(0)  # What is still at it ends with the process.
    if run.awaits * 2 < run.next:
        # Few would wait, and all be slower for it.
        job.waits = None if job.lanes.fixed else False


def fold_item(job, accumulated, item, is_first):
    if type(item) is Undecodable:
        raise item.error
    if job.mapper is not None:
        item = awaited(job.mapper(*item) if job.spread and type(item) is list else job.mapper(item))
    return item if is_first else awaited(job.call(accumulated, item))


def run_fold(job, number, meta, source):
    start, careful = meta["start"], meta["careful"]
    part = Part(number, start)
    folded, failure, at = None, None, 0
    while at < source.count and failure is None:
        size = 1 if careful else min(job.pace, source.count - at)
        items = source.chunk(at, at + size)
        channel.announce(number, start + at, size)
        began = now()
        for item in items:
            try:
                folded = fold_item(job, folded, item, at == 0)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                failure = failure_of(error, "undecodable" if type(item) is Undecodable else "error")
                break
            at += 1
        part.compute += now() - began
        job.observe(size, now() - began)
    channel.announce(number, start + at, 0)
    part.end = start + at
    if failure is not None:
        # The item that ended the fold, and that alone.
        part.start, part.end = start + at, start + at + 1
        part.fail(start + at, failure)
    elif at > 0:
        part.add(part.end - 1, folded)
        if part.failures:
            part.start = part.end - 1
    part.flush(True)


def watch_parent():
    """Where the system cannot kill this process with its agent."""
    import signal
    import threading

    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def load(number, code, jobs):
    try:
        jobs[number] = Job(code)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        failure = failure_of(error)
        spec = code["spec"]
        failure["message"] = "cannot load %s: %s" % (spec["entry"] or spec["function"], failure["message"])
        channel.send(REFUSED, number, {"failure": failure})
    else:
        channel.send(LOADED, number, {})


def main():
    jobs = {}
    sys.argv[:] = [""]
    if os.environ.get("MANYHANDS_WATCH_PARENT") == "1":
        watch_parent()
    channel.send(READY, 0, {"protocol": PROTOCOL})
    while True:
        kind, number, meta, form, values = channel.read()
        if kind == CLOSE:
            channel.settle()
            return
        if kind == LOAD:
            load(number, meta, jobs)
            continue
        job = jobs.get(meta["load"])
        if job is None:
            # It was refused; the agent had sent this before it knew.
            continue
        if job.folder is not None:
            Folder.activate(job.folder)
        source = Source(form, meta, values)
        run = run_fold if job.fold else run_waiting if job.waits and not meta["careful"] else run_map
        run(job, number, meta, source)

