/** A browser and a system out of what a client says that it is: “Firefox, Windows”. Empty if it says nothing that is known. */
export function deviceOf(userAgent: string): string {
    const browser = BROWSERS.find(([pattern]) => pattern.test(userAgent))?.[1];
    const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1];
    const known = [browser, system].filter(Boolean).join(', ');
    return known || userAgent.slice(0, 60);
}

// The order matters: most browsers say that they are the others, too.
const BROWSERS: [RegExp, string][] = [
    [/YaBrowser\//, 'Yandex Browser'],
    [/Edg\//, 'Edge'],
    [/OPR\//, 'Opera'],
    [/Firefox\//, 'Firefox'],
    [/Chrome\//, 'Chrome'],
    [/Safari\//, 'Safari'],
    [/curl\//, 'curl'],
];

const SYSTEMS: [RegExp, string][] = [
    [/Windows/, 'Windows'],
    [/Android/, 'Android'],
    [/iPhone|iPad/, 'iOS'],
    [/Mac OS X/, 'macOS'],
    [/Linux/, 'Linux'],
];
