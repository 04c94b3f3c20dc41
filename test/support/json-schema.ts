// As much of JSON Schema as the package's own schemas use. In: a schema, a value. Out: what is wrong with it, with paths.
// Always true: a keyword that is not known here is an error of the schema, so nothing is passed over.
export type Schema = Readonly<Record<string, unknown>>

const ANNOTATIONS = new Set(['$schema', '$id', 'title', 'description'])

const typeOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

const isOfType = (value: unknown, type: string): boolean =>
  typeOf(value) === type || (type === 'number' && typeOf(value) === 'integer')

type Check = (value: unknown, argument: unknown, path: string, schema: Schema) => string[]

const fields = (value: unknown): [string, unknown][] =>
  typeOf(value) === 'object' ? Object.entries(value as Record<string, unknown>) : []

const CHECKS: Readonly<Record<string, Check>> = {
  type: (value, types, path) =>
    [types].flat().some(type => isOfType(value, String(type)))
      ? []
      : [`${path} is of type ${typeOf(value)}, expected ${types}`],
  const: (value, expected, path) => (value === expected ? [] : [`${path} is ${value}, expected ${expected}`]),
  enum: (value, choices, path) =>
    (choices as unknown[]).includes(value) ? [] : [`${path} is ${value}, expected one of ${choices}`],
  minimum: (value, least, path) =>
    typeof value === 'number' && value < (least as number) ? [`${path} is ${value}, at least ${least}`] : [],
  required: (value, names, path) =>
    (names as string[])
      .filter(name => !fields(value).some(([key]) => key === name))
      .map(name => `${path}.${name} is missing`),
  properties: (value, properties, path) =>
    fields(value).flatMap(([name, each]) => {
      const schema = (properties as Record<string, Schema>)[name]
      return schema === undefined ? [] : schemaErrors(schema, each, `${path}.${name}`)
    }),
  additionalProperties: (value, others, path, { properties = {} }) =>
    fields(value)
      .filter(([name]) => !(name in (properties as object)))
      .flatMap(([name, each]) =>
        others === false ? [`${path}.${name} is not known`] : schemaErrors(others as Schema, each, `${path}.${name}`),
      ),
  items: (value, schema, path) =>
    Array.isArray(value) ? value.flatMap((each, at) => schemaErrors(schema as Schema, each, `${path}[${at}]`)) : [],
}

export const schemaErrors = (schema: Schema, value: unknown, path = 'value'): string[] =>
  Object.entries(schema)
    .filter(([keyword]) => !ANNOTATIONS.has(keyword))
    .flatMap(([keyword, argument]) => {
      const check = CHECKS[keyword]
      if (check === undefined) throw new Error(`this schema uses ${keyword}, which nothing here checks`)
      return check(value, argument, path, schema)
    })
