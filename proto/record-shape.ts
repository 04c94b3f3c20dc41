// The keys of a batch of objects, and how one makes such objects. In: keys, or their JSON text. Out: the one shape of those
// keys. Always true: objects of a shape have its keys as own properties in its order, and the engine sees one kind of object,
// since all come from one place in the source; a shape has 1 to MOST_KEYS different keys that take at most MOST_TEXT_BYTES, none
// of which means more to extended JSON or to an object literal than its name.

/** What is read by its place: a column's values. */
export type Members = ArrayLike<unknown>
type Build = (columns: readonly Members[], count: number) => object[]

/** Wider objects travel as lines. Larger: more columns of few values each, and engines keep wide objects in hash tables. */
export const MOST_KEYS = 64
/** Of the keys' text. Larger: more of a message may be names, and more of a stranger's text is compiled. */
const MOST_TEXT_BYTES = 4096
/** Shapes whose objects' makers are kept. Smaller: jobs with several shapes compile them anew. Larger: more is never let go. */
const MOST_SHAPES = 256

export class RecordShape {
  readonly keys: readonly string[]
  /** The keys as a JSON array. */
  readonly text: string
  #build: Build | undefined

  constructor(keys: readonly string[], text: string) {
    this.keys = keys
    this.text = text
  }

  /** `count` objects out of a column for each key. */
  build(columns: readonly Members[], count: number): object[] {
    this.#build ??= compiled(this.keys)
    return this.#build(columns, count)
  }
}

const isPlainKey = (key: unknown): boolean => typeof key === 'string' && !key.startsWith('$') && key !== '__proto__'

const isShort = (text: string): boolean => Buffer.byteLength(text) <= MOST_TEXT_BYTES

const shapes = new Map<string, RecordShape>()

const remember = (keys: readonly string[], text: string): RecordShape => {
  if (shapes.size >= MOST_SHAPES) shapes.clear()
  const shape = new RecordShape(keys, text)
  shapes.set(text, shape)
  return shape
}

/** Undefined for keys that have no shape. */
export const shapeOf = (keys: readonly string[]): RecordShape | undefined => {
  if (keys.length === 0 || keys.length > MOST_KEYS || !keys.every(isPlainKey)) return undefined
  const text = JSON.stringify(keys)
  return shapes.get(text) ?? (isShort(text) ? remember(keys, text) : undefined)
}

/** Throws a RangeError for a text that is not that of keys with a shape. */
export const readShape = (text: string): RecordShape => {
  const known = shapes.get(text)
  if (known !== undefined) return known
  let keys: unknown
  try {
    keys = JSON.parse(text)
  } catch {
    throw new RangeError('the keys of the records are not JSON')
  }
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MOST_KEYS || !keys.every(isPlainKey))
    throw new RangeError(`the keys of records are 1 to ${MOST_KEYS} names`)
  if (new Set(keys).size !== keys.length) throw new RangeError('a key of the records comes twice')
  // Written as it is written here: one shape for the same keys, however a reader's other side puts blanks.
  const own = JSON.stringify(keys)
  if (!isShort(own)) throw new RangeError(`the keys of records take at most ${MOST_TEXT_BYTES} bytes`)
  return shapes.get(own) ?? remember(keys, own)
}

/**
 * Its own source for each shape: a loop over keys takes five times as long. Keys are JSON strings there, which are string
 * literals of the language and nothing else, whoever sent them.
 */
const compiled = (keys: readonly string[]): Build => {
  const members = keys.map((key, nth) => `${JSON.stringify(key)}: c${nth}[at]`)
  try {
    return new Function(
      'columns',
      'count',
      `const [${keys.map((_, nth) => `c${nth}`)}] = columns
       const objects = new Array(count)
       for (let at = 0; at < count; at++) objects[at] = { ${members} }
       return objects`,
    ) as Build
  } catch {
    // Where code may not be made from text.
    return (columns, count) => buildEach(keys, columns, count)
  }
}

export const buildEach = (keys: readonly string[], columns: readonly Members[], count: number): object[] => {
  const objects: object[] = []
  for (let at = 0; at < count; at++) {
    const object: Record<string, unknown> = {}
    for (let nth = 0; nth < keys.length; nth++) object[keys[nth] as string] = (columns[nth] as Members)[at]
    objects.push(object)
  }
  return objects
}
