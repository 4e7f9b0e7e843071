// Signs in, consents and looks at the account page with headless Chromium, as a person would, and
// keeps a picture of each page. The app behind it is written with openid-client.
//
// Environment: ISSUER, MODULES (a node_modules folder), PICTURES (a folder), CHROMIUM, PASSWORD.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(pathToFileURL(join(process.env.MODULES, 'x.js')));
const { chromium } = require('playwright-core');
const client = await import(pathToFileURL(require.resolve('openid-client')));

const issuer = process.env.ISSUER;
const callback = 'https://shop.example/callback';
const config = await client.discovery(new URL(issuer), 'web', undefined, client.None());

const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM,
  headless: true,
  ignoreHTTPSErrors: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const faults = [];
try {
  await browser.route('https://shop.example/**', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>shop</title>shop' }));
  const page = await browser.newPage();
  page.on('console', (message) => {
    const expected = message.text().includes('status of 400');
    if (message.type() === 'error' && !expected) faults.push(message.text());
  });

  const looks = [
    ['desktop-light', { width: 1280, height: 800 }, 'light'],
    ['desktop-dark', { width: 1280, height: 800 }, 'dark'],
    ['phone-light', { width: 360, height: 740 }, 'light'],
    ['phone-dark', { width: 360, height: 740 }, 'dark'],
  ];
  const picture = async (name) => {
    for (const [look, size, colorScheme] of looks) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme });
      const path = join(process.env.PICTURES, `${name}-${look}.png`);
      await page.screenshot({ path, fullPage: true });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > size.width) faults.push(`${name} is ${wide} wide on ${look}`);
    }
  };

  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid orders:read orders:write',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  await page.goto(url.href);
  await picture('sign-in');
  await page.getByLabel('User name').fill('alice');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await picture('sign-in-wrong');
  await page.getByLabel('Password').fill(process.env.PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Allow' }).waitFor();
  await picture('consent');
  await page.getByLabel('Change your orders').uncheck();
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.waitForURL(`${callback}**`);
  const tokens = await client.authorizationCodeGrant(config, new URL(page.url()), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });

  await page.goto(`${issuer}/oauth2/account`);
  await picture('account');
  await page.goto(`${issuer}/oauth2/authorize?client_id=nobody`);
  await picture('error');

  const form = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid orders:read',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    response_mode: 'form_post',
  });
  const posted = page.waitForRequest((request) => request.url() === callback);
  await page.goto(form.href);
  const fields = new URLSearchParams((await posted).postData());

  await page.goto(`${issuer}/oauth2/sign-out`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  await picture('signed-out');
  process.stdout.write(JSON.stringify({
    access_token: tokens.access_token,
    scope: tokens.scope,
    sub: tokens.claims().sub,
    form: [...fields.keys()],
    faults,
  }));
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
