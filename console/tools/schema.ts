import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';

/** The types of the server's OpenAPI document, as they stand in src/api/schema.d.ts. */
export async function schema(): Promise<string> {
    const document = await readFile(fileURLToPath(new URL('../../api/openapi.json', import.meta.url)), 'utf8');
    return COMMENT_HEADER + astToString(await openapiTS(document));
}
