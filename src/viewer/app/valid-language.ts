/**
 * Chromium without a locale calls its language `en-US@posix`, which no `Intl` takes: a library that asks for it as it is loaded
 * would end the page. It is English then. Imported before all others.
 */
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
}
