/** What the conformance suite's server scenarios ask every server for, in any era. What it is, is told by the scenarios. */
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const silence = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
export const text = (value: string) => ({ type: "text" as const, text: value });
const image = { type: "image" as const, data: pixel, mimeType: "image/png" };
const embedded = (uri: string, mimeType: string, value: string) => ({
  type: "resource" as const,
  resource: { uri, mimeType, text: value },
});

export const plain: Readonly<Record<string, () => unknown[]>> = {
  test_simple_text: () => [text("This is a simple text response for testing.")],
  test_image_content: () => [image],
  test_audio_content: () => [{ type: "audio", data: silence, mimeType: "audio/wav" }],
  test_embedded_resource: () => [embedded("test://embedded-resource", "text/plain", "embedded")],
  test_multiple_content_types: () => [
    text("three kinds"),
    image,
    embedded("test://mixed-content-resource", "application/json", "{}"),
  ],
  json_schema_2020_12_tool: () => [text("called")],
};

export const schema2020 = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: { name: { type: "string" }, address: { $ref: "#/$defs/address" }, kind: { type: "string" } },
  allOf: [{ anyOf: [{ required: ["name"] }, { required: ["address"] }] }],
  if: { properties: { kind: { const: "named" } }, required: ["kind"] },
  // As an object it would be a promise to linters.
  ...JSON.parse('{ "then": { "required": ["name"] } }'),
  else: { required: ["address"] },
  additionalProperties: false,
};

export const resources = [
  { uri: "test://static-text", name: "static-text", mimeType: "text/plain" },
  { uri: "test://static-binary", name: "static-binary", mimeType: "image/png" },
  { uri: "test://watched-resource", name: "watched-resource", mimeType: "text/plain" },
];

export const prompts: Readonly<Record<string, readonly string[]>> = {
  test_simple_prompt: [],
  test_prompt_with_arguments: ["arg1", "arg2"],
  test_prompt_with_embedded_resource: ["resourceUri"],
  test_prompt_with_image: [],
};

/** Returns what is read at `uri`, of a template's too; undefined where there is nothing. */
export function contentsAt(
  uri: string,
): { uri: string; mimeType: string; text: string }[] | { uri: string; mimeType: string; blob: string }[] | undefined {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id !== undefined) {
    const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
    return [{ uri, mimeType: "application/json", text: data }];
  }
  const found = resources.find((resource) => resource.uri === uri);
  if (found === undefined) return undefined;
  const { mimeType } = found;
  return mimeType === "image/png" ? [{ uri, mimeType, blob: pixel }] : [{ uri, mimeType, text: "text" }];
}

/** Returns what a prompt says. */
export function messagesOf(name: string, args: Readonly<Record<string, string>>) {
  const said = (content: object) => ({ role: "user" as const, content: JSON.parse(JSON.stringify(content)) });
  if (name === "test_prompt_with_image") return [said(image), said(text("look"))];
  if (name === "test_prompt_with_embedded_resource") {
    return [said(embedded(args.resourceUri ?? "", "text/plain", "embedded")), said(text("read"))];
  }
  return [said(text(`arg1='${args.arg1 ?? ""}', arg2='${args.arg2 ?? ""}'`))];
}

/** Returns the prompts as a list has them. */
export function listedPrompts() {
  return Object.entries(prompts).map(([name, args]) => ({
    name,
    description: `for the scenario of ${name}`,
    arguments: args.map((argument) => ({ name: argument, required: true })),
  }));
}

export const resourceTemplates = [
  { uriTemplate: "test://template/{id}/data", name: "template", mimeType: "application/json" },
];
