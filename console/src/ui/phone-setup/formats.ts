// What a phone is set up with, in the forms that phones read.

export interface PhoneAccount {
    number: string;
    username: string;
    password: string;
}

export interface PhoneServer {
    /** What a phone takes as its server: a host, with its port if that is not the usual one. */
    server: string;
    /** `udp` or `tcp`. */
    transport: string;
}

/** What a camera sees as text: a SIP address with its password. Several softphones take it from the clipboard. */
export function sipUri({ username, password }: PhoneAccount, { server, transport }: PhoneServer): string {
    return `sip:${encodeURIComponent(username)}:${encodeURIComponent(password)}@${server};transport=${transport}`;
}

/** The form that Wave (Grandstream) scans. */
export function waveXml(account: PhoneAccount, { server }: PhoneServer): string {
    const tag = (name: string, value: string) => `<${name}>${xml(value)}</${name}>`;
    return [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<AccountConfig version="1"><Account>',
        tag('RegisterServer', server),
        tag('UserID', account.username),
        tag('AuthID', account.username),
        tag('AuthPass', account.password),
        tag('AccountName', account.number),
        tag('DisplayName', account.number),
        '</Account></AccountConfig>',
    ].join('');
}

/** A file that Linphone imports as a remote configuration. */
export function linphoneXml(account: PhoneAccount, { server, transport }: PhoneServer): string {
    const host = server.replace(/:\d+$/, '');
    const entry = (name: string, value: string) => `    <entry name="${name}" overwrite="true">${xml(value)}</entry>`;
    return [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<config xmlns="http://www.linphone.org/xsds/lpconfig.xsd">',
        '  <section name="proxy_0">',
        entry('reg_identity', `sip:${account.username}@${host}`),
        entry('reg_proxy', `<sip:${server};transport=${transport}>`),
        entry('reg_sendregister', '1'),
        entry('reg_expires', '300'),
        '  </section>',
        '  <section name="auth_info_0">',
        entry('username', account.username),
        entry('passwd', account.password),
        entry('domain', host),
        '  </section>',
        '</config>',
        '',
    ].join('\n');
}

/** A line of baresip's accounts file. */
export function baresipLine(account: PhoneAccount, { server, transport }: PhoneServer): string {
    return `<sip:${account.username}@${server};transport=${transport}>;auth_user=${account.username};auth_pass=${account.password};regint=300;answermode=manual;audio_codecs=PCMA/8000/1,PCMU/8000/1\n`;
}

/** All accounts in a table that spreadsheets and provisioning tools read. */
export function csv(accounts: PhoneAccount[], { server, transport }: PhoneServer): string {
    const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const rows = accounts.map(({ number, username, password }) => [number, username, password, server, transport].map(cell).join(','));
    return `number,username,password,server,transport\r\n${rows.join('\r\n')}\r\n`;
}

function xml(text: string): string {
    return text.replace(/[<>&"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
