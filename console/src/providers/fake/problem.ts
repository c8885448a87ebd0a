/** What the fake server refuses with. */
export class FakeProblem extends Error {
    readonly status: number;
    readonly code: string;
    readonly field: string | undefined;
    readonly more: Record<string, unknown>;

    constructor(status: number, code: string, field?: string, more: Record<string, unknown> = {}) {
        super(code);
        this.status = status;
        this.code = code;
        this.field = field;
        this.more = more;
    }

    get document(): Record<string, unknown> {
        return {
            type: `urn:cordboard:problem:${this.code}`,
            title: this.code,
            status: this.status,
            code: this.code,
            detail: this.code,
            ...(this.field && { field: this.field, errors: [{ field: this.field, code: this.code, detail: this.code }] }),
            ...this.more,
        };
    }
}
