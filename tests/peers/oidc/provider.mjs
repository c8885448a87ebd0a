// A certified OpenID provider (npm's oidc-provider) on loopback, for the tests to sign in by. It is told by the environment:
//   MODULES   where node_modules is
//   SETTINGS  JSON: {"port", "path", "keycloak", "callback", "backchannel", "client", "secret", "audience"}
// Prints "ready" once it listens. Beside the provider's own paths there are, for the tests alone:
//   PUT  /test/accounts/{sub}   what its accounts say: merged into what is there
//   POST /test/sign             any claims, signed: {"header", "claims", "with": "own" | "stranger" | "secret" | "nobody"}
//   POST /test/hang             {"hang": true}: takes requests and answers none, until told otherwise
//   GET  /admin/realms/…/users/{id}   with "keycloak": the admin API as Keycloak documents it, for tokens of its own
import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import process from 'node:process';

const require = createRequire(`${process.env.MODULES}/`);
const { Provider } = require('oidc-provider');
const { SignJWT, UnsecuredJWT } = require('jose');

const settings = JSON.parse(process.env.SETTINGS);
const issuer = `http://127.0.0.1:${settings.port}${settings.path}`;

// Keys are new at each start, as after a change of keys.
const fresh = (kid) => ({ kid, use: 'sig', alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }) });
const own = fresh(randomUUID());
// The stranger's has the same name, so that only the key itself tells them apart.
const stranger = fresh(own.kid);

const accounts = {
    anna: { password: 'anna at the provider', preferred_username: 'anna', name: 'Anna Petrova', email: 'anna@example.org', email_verified: true, roles: [], enabled: true },
    boris: { password: 'boris at the provider', preferred_username: 'boris', name: 'Boris Orlov', email: 'boris@example.org', email_verified: false, roles: [], enabled: true },
};

// Where roles stand: one list, or where Keycloak has the realm's and the client's (its mappers "realm roles" and "client roles").
const rolesOf = (account) =>
    settings.keycloak
        ? { realm_access: { roles: ['offline_access', 'uma_authorization', ...account.roles] }, resource_access: { [settings.client]: { roles: account.client_roles ?? [] }, account: { roles: ['manage-account'] } } }
        : { roles: account.roles };

const resource = { scope: 'openid profile email', audience: settings.audience, accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
const provider = new Provider(issuer, {
    jwks: { keys: [own] },
    cookies: { keys: ['for tests alone'] },
    clients: [
        {
            client_id: settings.client,
            client_secret: settings.secret,
            redirect_uris: [settings.callback],
            grant_types: ['authorization_code', 'client_credentials'],
            response_types: ['code'],
            backchannel_logout_uri: settings.backchannel,
            backchannel_logout_session_required: true,
            post_logout_redirect_uris: [new URL('/', settings.callback).href],
        },
        // A program that calls the API in the name of a person, or in its own.
        {
            client_id: 'program',
            token_endpoint_auth_method: 'client_secret_post',
            client_secret: 'of the program',
            redirect_uris: ['http://127.0.0.1/back'],
            grant_types: ['authorization_code', 'client_credentials'],
            response_types: ['code'],
        },
    ],
    scopes: ['openid', 'profile', 'email'],
    claims: { openid: ['sub', 'roles'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
    // In the plain layout everything stands in the ID token; Keycloak has the roles in its access token only.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: {
        devInteractions: { enabled: false },
        backchannelLogout: { enabled: true },
        clientCredentials: { enabled: true },
        userinfo: { enabled: !settings.keycloak },
        rpInitiatedLogout: { enabled: true },
        resourceIndicators: {
            enabled: true,
            // Every access token of Keycloak is signed; here those that are asked for so.
            defaultResource: () => (settings.keycloak ? settings.audience : undefined),
            useGrantedResource: () => settings.keycloak,
            getResourceServerInfo: () => resource,
        },
    },
    extraTokenClaims: (_, token) => {
        const account = accounts[token.accountId];
        const { preferred_username, name, email, email_verified } = account ?? {};
        return account ? { ...rolesOf(account), preferred_username, name, email, email_verified } : rolesOf({ roles: ['crm-program'] });
    },
    findAccount: (_, sub) => {
        const account = accounts[sub];
        if (!account?.enabled) return undefined;
        const { preferred_username, name, email, email_verified } = account;
        const said = { sub, preferred_username, name, email, email_verified };
        return { accountId: sub, claims: () => (settings.keycloak ? said : { ...said, ...rolesOf(account) }) };
    },
    // Our own clients are trusted: nobody is asked whether they may know.
    loadExistingGrant: async (ctx) => {
        const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
        grant.addOIDCScope('openid profile email');
        grant.addResourceScope(settings.audience, resource.scope);
        await grant.save();
        return grant;
    },
    // Its own guard lets it reach public addresses only.
    fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
    interactions: { url: (_, interaction) => `${settings.path}/interaction/${interaction.uid}` },
    ttl: { Session: 3600, Interaction: 3600, Grant: 3600, IdToken: 300 },
});
provider.on('server_error', (_, error) => console.error(error));
provider.on('backchannel.error', (_, error, client) => console.error('back-channel log-out', client.clientId, error));

const body = async (request) => {
    let text = '';
    for await (const part of request) text += part;
    return text;
};
const json = (response, status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

const sign = async ({ header, claims, with: by }) => {
    const head = { alg: 'RS256', kid: own.kid, ...header };
    if (by === 'nobody') return new UnsecuredJWT(claims).encode();
    // The public key as the secret of an HMAC: what a library takes that goes by the token's own word.
    if (by === 'secret') {
        const signed = `${part({ ...head, alg: 'HS256' })}.${part(claims)}`;
        return `${signed}.${createHmac('sha256', JSON.stringify({ ...own, d: undefined })).update(signed).digest('base64url')}`;
    }
    return new SignJWT(claims).setProtectedHeader(head).sign(by === 'stranger' ? stranger : own);
};

// The page where people log in: without scripts, so that a plain client can walk through it.
const interact = async (request, response) => {
    const details = await provider.interactionDetails(request, response);
    if (request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<form method="post"><input name="login"><input name="password" type="password"></form>');
        return;
    }
    const form = new URLSearchParams(await body(request));
    const account = accounts[form.get('login')];
    if (details.prompt.name !== 'login' || !account?.enabled || account.password !== form.get('password')) {
        response.writeHead(403).end('no');
        return;
    }
    await provider.interactionFinished(request, response, { login: { accountId: form.get('login') } }, { mergeWithLastSubmission: false });
};

// GET /admin/realms/{realm}/users/{id} of Keycloak's admin REST API: a UserRepresentation, for a token of the realm.
const administer = async (request, response, id) => {
    const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    const claims = token.split('.').length === 3 ? JSON.parse(Buffer.from(token.split('.')[1], 'base64url')) : {};
    // Which clients may read users is told to the tests' own client alone (its service account has the role view-users).
    if (claims.iss !== issuer || claims.client_id !== settings.client) return json(response, 401, { error: 'HTTP 401 Unauthorized' });
    const account = accounts[id];
    if (!account) return json(response, 404, { error: 'User not found' });
    const [firstName, lastName] = account.name.split(' ');
    return json(response, 200, {
        id,
        username: account.preferred_username,
        firstName,
        lastName,
        email: account.email,
        emailVerified: account.email_verified,
        ...(account.manager ? { attributes: { manager: [account.manager], department: ['sales'] } } : {}),
        createdTimestamp: 1_763_712_000_000,
        enabled: account.enabled,
        totp: false,
        disableableCredentialTypes: [],
        requiredActions: [],
        notBefore: 0,
        access: { manageGroupMembership: false, resetPassword: false, view: true, mapRoles: false, impersonate: false, manage: false },
    });
};

let hangs = false;
const callback = provider.callback();
const server = createServer(async (request, response) => {
    try {
        const path = new URL(request.url, issuer).pathname;
        if (request.method === 'PUT' && path.startsWith('/test/accounts/')) {
            const sub = path.slice('/test/accounts/'.length);
            accounts[sub] = { ...accounts[sub], ...JSON.parse(await body(request)) };
            return json(response, 200, {});
        }
        if (path === '/test/sign') return json(response, 200, { token: await sign(JSON.parse(await body(request))) });
        if (path === '/test/hang') {
            hangs = JSON.parse(await body(request)).hang;
            return json(response, 200, {});
        }
        if (hangs) return undefined;
        const user = /^\/admin\/realms\/main\/users\/([^/]+)$/.exec(path);
        if (settings.keycloak && user) return await administer(request, response, user[1]);
        if (path.startsWith(`${settings.path}/interaction/`)) return await interact(request, response);
        if (settings.path && path.startsWith(`${settings.path}/`)) {
            request.originalUrl = request.url;
            request.url = request.url.slice(settings.path.length);
        }
        return await callback(request, response);
    } catch (error) {
        console.error(error);
        return json(response, 500, { error: String(error) });
    }
});
server.listen(settings.port, '127.0.0.1', () => console.log('ready'));
