"""Documents that speak to whoever reads them. They are made when needed and never committed."""
